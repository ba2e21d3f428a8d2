"""Target health: what AWS says of a Lambda target, and the checks when a group asks for them.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#enable-health-checks-lambda
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from botocore.exceptions import ClientError

from local.engine import context
from local.engine.load_balancer import attributes, lambda_target
from local.engine.load_balancer.http import HttpRequest
from local.engine.load_balancer.model import Shape, Store, Target, TargetGroup

NOT_REGISTERED: Shape = {
    "State": "unused",
    "Reason": "Target.NotRegistered",
    "Description": "Target is not registered to the target group",
}
NOT_IN_USE: Shape = {
    "State": "unused",
    "Reason": "Target.NotInUse",
    "Description": "Target group is not configured to receive traffic from the load balancer",
}
NOT_CHECKED: Shape = {
    "State": "unavailable",
    "Reason": "Target.HealthCheckDisabled",
    "Description": "Health checks are not enabled for this target",
}
STARTING: Shape = {
    "State": "initial",
    "Reason": "Elb.RegistrationInProgress",
    "Description": "Target registration is in progress",
}
TICK_SECONDS = 1.0

Probe = Callable[[TargetGroup, Target], int]


def described(group: TargetGroup, target: Target, *, used: bool) -> Shape:
    """The target's health as DescribeTargetHealth shows it."""
    if not used:
        return dict(NOT_IN_USE)
    if not group.health_check["HealthCheckEnabled"]:
        return dict(NOT_CHECKED)
    return dict(target.state or STARTING)


class Checker:
    """Probes every target whose group has health checks on, each at its own interval. Runs on a thread."""

    def __init__(self, store: Store, probe: Probe, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._probe = probe
        self._clock = clock
        self._stopped = threading.Event()
        self._due: dict[tuple[str, str], float] = {}
        self._streaks: dict[tuple[str, str], tuple[bool, int]] = {}

    def run(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            self.check_due()

    def stop(self) -> None:
        self._stopped.set()

    def check_due(self) -> None:
        for group, target in self._due_now():
            self.record(group, target, self._probe(group, target))

    def _due_now(self) -> Iterator[tuple[TargetGroup, Target]]:
        now = self._clock()
        for state in self._store.everywhere():
            for group in list(state.target_groups.values()):
                if not group.health_check["HealthCheckEnabled"] or not state.load_balancers_using(group.arn):
                    continue
                for target in list(group.targets.values()):
                    if self._due.get((group.arn, target.id), 0) <= now:
                        self._due[group.arn, target.id] = now + group.health_check["HealthCheckIntervalSeconds"]
                        yield group, target

    def record(self, group: TargetGroup, target: Target, status: int) -> None:
        """Count one answer; the state flips at the group's thresholds, a first answer decides at once."""
        good = _expected(group.health_check["Matcher"]["HttpCode"], status)
        before, count = self._streaks.get((group.arn, target.id), (good, 0))
        count = count + 1 if before == good else 1
        self._streaks[group.arn, target.id] = (good, count)
        threshold = group.health_check["HealthyThresholdCount" if good else "UnhealthyThresholdCount"]
        if target.state and count < threshold:
            return
        target.state = (
            {"State": "healthy"}
            if good
            else {
                "State": "unhealthy",
                "Reason": "Target.ResponseCodeMismatch",
                "Description": f"Health checks failed with these codes: [{status}]",
            }
        )


def probe(group: TargetGroup, target: Target) -> int:
    """Invoke the function as a health check does: the status that it answers, 502 for anything malformed."""
    request = HttpRequest(
        method="GET",
        path=group.health_check["HealthCheckPath"],
        query="",
        headers=[("user-agent", "ELB-HealthChecker/2.0")],
        body=b"",
        client_ip="127.0.0.1",
    )
    multi_value = group.attributes[attributes.MULTI_VALUE_HEADERS] == "true"
    event = lambda_target.event(request, target_group_arn=group.arn, multi_value=multi_value)
    _, _, _, region, account, *_ = target.id.split(":")
    functions = context.client("lambda", account=account, region=region)
    try:
        answer = functions.invoke(FunctionName=target.id, Payload=json.dumps(event))
    except ClientError:
        return 502
    if answer.get("FunctionError"):
        return 502
    try:
        return lambda_target.response(answer["Payload"].read(), multi_value=multi_value).status
    except lambda_target.MalformedAnswerError:
        return 502


def _expected(codes: str, status: int) -> bool:
    """`codes` is AWS's Matcher: `200`, `200,202` or `200-299`."""
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if int(low) <= status <= int(high or low):
            return True
    return False
