"""The data plane: one request through listener, rules and target group to a function and back.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus

from local.engine import inprocess
from local.engine.load_balancer import attributes, balancing, forwarding, lambda_target, permissions
from local.engine.load_balancer.access_log import AccessLog
from local.engine.load_balancer.http import HttpRequest, HttpResponse
from local.engine.load_balancer.metrics import Dimensions, MetricBuffer
from local.engine.load_balancer.model import Listener, LoadBalancer, Shape, Store, TargetGroup
from local.engine.load_balancer.redirects import location

NAMESPACE = "AWS/ApplicationELB"
SERVER = "awselb/2.0"


class Balancer:
    """Serves requests for every load balancer in `store`; never raises for what a target does."""

    def __init__(self, store: Store, metrics: MetricBuffer, access_log: AccessLog) -> None:
        self._store = store
        self._metrics = metrics
        self._access_log = access_log

    async def dispatch(self, load_balancer: LoadBalancer, listener: Listener, request: HttpRequest) -> HttpResponse:
        """Answer `request`, which arrived at `listener`."""
        state = self._store.of(load_balancer.arn)
        if state is None:
            return error(HTTPStatus.SERVICE_UNAVAILABLE)
        rule = next(rule for rule in listener.ordered if rule.matches(request))
        action, group_arn, started = rule.actions[0], None, time.monotonic()
        if action["Type"] == "forward":
            group_arn, cookie = balancing.choose(action["ForwardConfig"], request)
            group = state.target_groups.get(group_arn or "")
            answer = await self._forward(group, cookie, load_balancer, listener, request)
        elif action["Type"] == "fixed-response":
            self._count(load_balancer, {"HTTP_Fixed_Response_Count": 1})
            answer = _fixed(action["FixedResponseConfig"])
        else:
            self._count(load_balancer, {"HTTP_Redirect_Count": 1})
            answer = error(HTTPStatus(int(action["RedirectConfig"]["StatusCode"][-3:])))
            target = location(action["RedirectConfig"], request, listener)
            answer = replace(answer, headers=[*answer.headers, ("Location", target)])
        if listener.attributes[attributes.SERVER_HEADER] == "true" and answer.header("server") is None:
            answer = replace(answer, headers=[*answer.headers, ("Server", SERVER)])
        self._access_log.add(
            load_balancer,
            listener,
            rule,
            request,
            answer,
            target_group_arn=group_arn,
            seconds=time.monotonic() - started,
        )
        return answer

    async def _forward(
        self,
        group: TargetGroup | None,
        cookie: str | None,
        load_balancer: LoadBalancer,
        listener: Listener,
        request: HttpRequest,
    ) -> HttpResponse:
        target = next(iter(group.targets.values()), None) if group else None
        if group is None or target is None:
            return self._own_error(load_balancer, HTTPStatus.SERVICE_UNAVAILABLE)
        if len(request.body) > lambda_target.MAX_BODY_BYTES:
            return self._own_error(load_balancer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        forwarded = replace(request, headers=forwarding.headers(request, load_balancer, listener))
        started = time.monotonic()
        answer = await self._invoke(group, target.id, forwarded)
        if isinstance(answer, str):
            self._count(load_balancer, {"RequestCount": 1, answer: 1}, group)
            return self._own_error(load_balancer, HTTPStatus.BAD_GATEWAY)
        self._count(
            load_balancer,
            {"RequestCount": 1, f"HTTPCode_Target_{answer.status // 100}XX_Count": 1},
            group,
            {"TargetResponseTime": round(time.monotonic() - started, 4)},
        )
        return replace(answer, headers=[*answer.headers, ("Set-Cookie", cookie)]) if cookie else answer

    async def _invoke(self, group: TargetGroup, function_arn: str, request: HttpRequest) -> HttpResponse | str:
        """The target's answer, or the metric that names why there is none (the client gets a 502)."""
        if not permissions.may_invoke(function_arn, target_group_arn=group.arn):
            return "LambdaUserError"
        multi_value = group.attributes[attributes.MULTI_VALUE_HEADERS] == "true"
        event = lambda_target.event(request, target_group_arn=group.arn, multi_value=multi_value)
        _, _, _, region, account, *_ = function_arn.split(":")
        invocation = await inprocess.invoke(function_arn, event, account=account, region=region)
        if invocation.status >= 500:
            return "LambdaInternalError"
        if invocation.status >= 300 or invocation.function_error:
            return "LambdaUserError"
        try:
            return lambda_target.response(invocation.payload, multi_value=multi_value)
        except lambda_target.MalformedAnswerError:
            return "LambdaUserError"

    def _own_error(self, load_balancer: LoadBalancer, status: HTTPStatus) -> HttpResponse:
        counts = {f"HTTPCode_ELB_{status // 100}XX_Count": 1.0}
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            counts[f"HTTPCode_ELB_{status.value}_Count"] = 1
        self._count(load_balancer, counts)
        return error(status)

    def _count(
        self,
        load_balancer: LoadBalancer,
        counts: Mapping[str, float],
        group: TargetGroup | None = None,
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        whole: Dimensions = (("LoadBalancer", load_balancer.full_name),)
        _, _, _, region, account, *_ = load_balancer.arn.split(":")
        self._metrics.add(
            account=account,
            region=region,
            namespace=NAMESPACE,
            dimensions=[whole] if group is None else [whole, (("TargetGroup", group.full_name), *whole)],
            counts=counts,
            seconds=seconds,
        )


def error(status: HTTPStatus) -> HttpResponse:
    """An answer of the load balancer itself, in its HTML."""
    title = f"{status.value} {status.phrase}"
    lines = ("<html>", f"<head><title>{title}</title></head>", "<body>", f"<center><h1>{title}</h1></center>")
    text = "\r\n".join((*lines, "</body>", "</html>", ""))
    return HttpResponse(status=status.value, headers=[("Content-Type", "text/html")], body=text.encode())


def _fixed(config: Shape) -> HttpResponse:
    body = config.get("MessageBody", "")
    headers = [("Content-Type", f"{config.get('ContentType', 'text/plain')}; charset=utf-8")]
    return HttpResponse(status=int(config["StatusCode"]), headers=headers, body=body.encode())
