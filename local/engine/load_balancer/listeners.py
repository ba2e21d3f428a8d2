"""Operations on listeners and their certificates.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html
"""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import ClientError

from local.engine import context, inprocess
from local.engine.load_balancer import actions, attributes, rules, tags
from local.engine.load_balancer.errors import ApiError, unsupported, validation
from local.engine.load_balancer.model import Listener, Shape, State, identifier
from local.engine.load_balancer.paging import page

DEFAULT_SSL_POLICY = "ELBSecurityPolicy-2016-08"
SSL_POLICIES = frozenset(
    {
        DEFAULT_SSL_POLICY,
        "ELBSecurityPolicy-FS-1-2-Res-2020-10",
        "ELBSecurityPolicy-TLS-1-2-2017-01",
        "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
        "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04",
        "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
        "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    }
)


async def create(state: State, parameters: Shape) -> Shape:
    load_balancer = state.load_balancer(parameters["LoadBalancerArn"])
    _refuse_unsupported(parameters)
    protocol, port = _protocol_and_port(parameters.get("Protocol", ""), parameters.get("Port"))
    if any(item.port == port for item in state.listeners_of(load_balancer.arn)):
        raise ApiError(
            "DuplicateListener", f"A listener already exists on this port for this load balancer '{load_balancer.arn}'"
        )
    certificates, policy = await _tls(
        protocol, parameters.get("Certificates", []), parameters.get("SslPolicy", DEFAULT_SSL_POLICY)
    )
    arn = f"{load_balancer.arn.replace(':loadbalancer/', ':listener/')}/{identifier()}"
    default = rules.made(
        state,
        listener_arn=arn,
        load_balancer_arn=load_balancer.arn,
        priority=None,
        rule_conditions=[],
        rule_actions=parameters["DefaultActions"],
    )
    listener = Listener(
        arn=arn,
        load_balancer_arn=load_balancer.arn,
        protocol=protocol,
        port=port,
        ssl_policy=policy,
        certificates=certificates,
        attributes=dict(attributes.LISTENER),
        default_rule=default,
        tags=tags.parsed(parameters.get("Tags", [])),
    )
    state.listeners[arn], state.rules[default.arn] = listener, default
    state.reorder(arn)
    return {"Listeners": [described(listener)]}


async def describe(state: State, parameters: Shape) -> Shape:
    arns, owner = parameters.get("ListenerArns"), parameters.get("LoadBalancerArn")
    if (arns is None) == (owner is None):
        raise validation("Either a load balancer ARN or listener ARNs must be specified")
    if arns is not None:
        return page("Listeners", [described(state.listener(arn)) for arn in arns], parameters)
    owned = state.listeners_of(state.load_balancer(str(owner)).arn)
    return page("Listeners", [described(item) for item in owned], parameters)


async def modify(state: State, parameters: Shape) -> Shape:
    """Replace what is given; a listener that turns to HTTP loses its certificates."""
    listener = state.listener(parameters["ListenerArn"])
    _refuse_unsupported(parameters)
    protocol, port = _protocol_and_port(
        parameters.get("Protocol", listener.protocol), parameters.get("Port", listener.port)
    )
    if any(item.port == port and item is not listener for item in state.listeners_of(listener.load_balancer_arn)):
        raise ApiError("DuplicateListener", f"A listener already exists on port '{port}' for this load balancer")
    given = parameters.get("Certificates")
    if given is None and protocol == "HTTPS":
        given = [{"CertificateArn": arn} for arn in listener.certificates[:1]]
    chosen, policy = await _tls(
        protocol, given or [], parameters.get("SslPolicy") or listener.ssl_policy or DEFAULT_SSL_POLICY
    )
    if "DefaultActions" in parameters:
        listener.default_rule.actions = actions.normalised(
            parameters["DefaultActions"], state, load_balancer_arn=listener.load_balancer_arn
        )
    extra = [arn for arn in listener.certificates[1:] if arn not in chosen] if protocol == "HTTPS" else []
    listener.protocol, listener.port = protocol, port
    listener.certificates, listener.ssl_policy = chosen + extra, policy
    return {"Listeners": [described(listener)]}


async def delete(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    rules.drop_all(state, listener)
    del state.listeners[listener.arn]
    return {}


async def describe_attributes(state: State, parameters: Shape) -> Shape:
    return {"Attributes": attributes.described(state.listener(parameters["ListenerArn"]).attributes)}


async def modify_attributes(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    listener.attributes = attributes.merged(listener.attributes, parameters["Attributes"])
    return await describe_attributes(state, parameters)


async def add_certificates(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    new = [item["CertificateArn"] for item in parameters["Certificates"]]
    await _check_certificates(new)
    listener.certificates += [arn for arn in new if arn not in listener.certificates]
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in new]}


async def remove_certificates(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    gone = {item["CertificateArn"] for item in parameters["Certificates"]}
    if gone & set(listener.certificates[:1]):
        raise ApiError("OperationNotPermitted", "The default certificate cannot be removed")
    listener.certificates = [arn for arn in listener.certificates if arn not in gone]
    return {}


async def describe_certificates(state: State, parameters: Shape) -> Shape:
    listener = state.listener(parameters["ListenerArn"])
    found = [{"CertificateArn": arn, "IsDefault": position == 0} for position, arn in enumerate(listener.certificates)]
    return page("Certificates", found, parameters)


def described(listener: Listener) -> Shape:
    shape: Shape = {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Protocol": listener.protocol,
        "Port": listener.port,
        "DefaultActions": listener.default_rule.actions,
    }
    if listener.protocol == "HTTPS":
        shape |= {
            "SslPolicy": listener.ssl_policy,
            "Certificates": [{"CertificateArn": listener.certificates[0]}],
            "MutualAuthentication": {"Mode": "off"},
        }
    return shape


def _refuse_unsupported(parameters: Shape) -> None:
    if parameters.get("MutualAuthentication", {"Mode": "off"}) != {"Mode": "off"}:
        raise unsupported("mutual TLS")
    if parameters.get("AlpnPolicy"):
        raise unsupported("ALPN policies (they belong to network load balancers)")


def _protocol_and_port(protocol: str, port: int | None) -> tuple[str, int]:
    if protocol not in ("HTTP", "HTTPS"):
        raise ApiError("UnsupportedProtocol", f"Protocol '{protocol}' must be one of '[HTTP, HTTPS]'")
    if port is None or not 1 <= port <= 65_535:
        raise validation("A listener port must be between '1' and '65535'")
    return protocol, port


async def _tls(protocol: str, certificates: Sequence[Shape], policy: str) -> tuple[list[str], str]:
    arns = [item["CertificateArn"] for item in certificates]
    if protocol == "HTTP":
        if arns:
            raise validation("Certificates can only be specified for HTTPS listeners")
        return [], ""
    if len(arns) != 1:
        raise validation("A certificate must be specified for HTTPS listeners")
    if policy not in SSL_POLICIES:
        raise ApiError("SSLPolicyNotFound", f"SSL policy '{policy}' not found")
    await _check_certificates(arns)
    return arns, policy


async def _check_certificates(arns: Sequence[str]) -> None:
    for arn in arns:
        try:
            await inprocess.call(
                "acm",
                "DescribeCertificate",
                account=context.account(),
                region=context.region(),
                CertificateArn=arn,
            )
        except ClientError as error:
            raise ApiError("CertificateNotFound", f"Certificate '{arn}' not found") from error
