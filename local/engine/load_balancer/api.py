"""The service: every supported operation, and who may be asked about which resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, urlencode

from local.engine import inprocess
from local.engine.load_balancer import listeners, load_balancers, protocol, rules, tags, target_groups
from local.engine.load_balancer.errors import ApiError, unsupported
from local.engine.load_balancer.model import Shape, State, Store, arn
from local.engine.registry import Request, Response, ServiceHandler

SERVICE = "elasticloadbalancing"
Operation = Callable[[State, Shape], Awaitable[Shape]]

OPERATIONS: Mapping[str, Operation] = {
    "AddListenerCertificates": listeners.add_certificates,
    "AddTags": tags.add,
    "CreateListener": listeners.create,
    "CreateLoadBalancer": load_balancers.create,
    "CreateRule": rules.create,
    "CreateTargetGroup": target_groups.create,
    "DeleteListener": listeners.delete,
    "DeleteLoadBalancer": load_balancers.delete,
    "DeleteRule": rules.delete,
    "DeleteTargetGroup": target_groups.delete,
    "DeregisterTargets": target_groups.deregister_targets,
    "DescribeListenerAttributes": listeners.describe_attributes,
    "DescribeListenerCertificates": listeners.describe_certificates,
    "DescribeListeners": listeners.describe,
    "DescribeLoadBalancerAttributes": load_balancers.describe_attributes,
    "DescribeLoadBalancers": load_balancers.describe,
    "DescribeRules": rules.describe,
    "DescribeTags": tags.describe,
    "DescribeTargetGroupAttributes": target_groups.describe_attributes,
    "DescribeTargetGroups": target_groups.describe,
    "DescribeTargetHealth": target_groups.describe_target_health,
    "ModifyListener": listeners.modify,
    "ModifyListenerAttributes": listeners.modify_attributes,
    "ModifyLoadBalancerAttributes": load_balancers.modify_attributes,
    "ModifyRule": rules.modify,
    "ModifyTargetGroup": target_groups.modify,
    "ModifyTargetGroupAttributes": target_groups.modify_attributes,
    "RegisterTargets": target_groups.register_targets,
    "RemoveListenerCertificates": listeners.remove_certificates,
    "RemoveTags": tags.remove,
    "SetIpAddressType": load_balancers.set_ip_address_type,
    "SetRulePriorities": rules.set_priorities,
    "SetSecurityGroups": load_balancers.set_security_groups,
    "SetSubnets": load_balancers.set_subnets,
}
# Parameters that AWS has and nothing here would act on.
REFUSED: Mapping[str, frozenset[str]] = {
    "CreateLoadBalancer": frozenset({"CustomerOwnedIpv4Pool", "EnablePrefixForIpv6SourceNat", "IpamPools"}),
    "CreateTargetGroup": frozenset({"IpAddressType", "TargetControlPort"}),
    "DescribeTargetHealth": frozenset({"Include"}),
    "SetSecurityGroups": frozenset({"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"}),
    "SetSubnets": frozenset({"EnablePrefixForIpv6SourceNat", "IpAddressType"}),
}
_RESOURCES = (
    "RuleArn",
    "RulePriorities.member.1.RuleArn",
    "ListenerArn",
    "TargetGroupArn",
    "LoadBalancerArn",
    "ResourceArns.member.1",
)


def handler(store: Store) -> ServiceHandler:
    """The service's handler over the states in `store`."""
    model = inprocess.service_model("elbv2")

    async def handle(request: Request) -> Response:
        try:
            name, parameters = protocol.parse(model, form(request))
            operation = _checked(name, model.operation_model(name).input_shape, parameters)
            return protocol.render(model.operation_model(name), await operation(store.here(), parameters))
        except ApiError as error:
            return protocol.render_error(model, error)

    return handle


def resource_arn(_operation: str, request: Request) -> str:
    """The ARN that IAM checks the call on; Describe operations have none.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancingv2.html
    """
    fields = dict(parse_qsl(form(request)))
    action, name = fields.get("Action", ""), fields.get("Name", "")
    if action.startswith("Describe"):
        return "*"
    if action == "CreateLoadBalancer":
        return arn(f"loadbalancer/app/{name}/*")
    if action == "CreateTargetGroup":
        return arn(f"targetgroup/{name}/*")
    return next((fields[name] for name in _RESOURCES if name in fields), "*")


def form(request: Request) -> str:
    return request.body.decode() or urlencode(request.query, doseq=True)


def _checked(name: str, shape: object, parameters: Shape) -> Operation:
    if name not in OPERATIONS:
        raise ApiError("InvalidAction", f"the embedded load balancer does not support {name}")
    missing = [name for name in getattr(shape, "required_members", []) if name not in parameters]
    if missing:
        raise ApiError("ValidationError", f"{missing[0]} is required")
    if refused := sorted(REFUSED.get(name, frozenset()) & set(parameters)):
        raise unsupported(f"{refused[0]} of {name}")
    return OPERATIONS[name]
