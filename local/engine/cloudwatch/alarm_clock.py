"""Evaluates every metric alarm about each second, in place of ministack's own evaluation.

ministack's pools all dimensions, knows no missing data and only runs when a metric is written. State changes
go through SetAlarmState, so that actions, history and composite alarms follow as they do there.
"""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.engine import context, seams
from local.engine.cloudwatch import clock
from local.engine.cloudwatch.errors import CloudWatchError
from local.engine.cloudwatch.evaluation import Verdict
from local.engine.cloudwatch.metric_alarm import MetricAlarm
from local.engine.cloudwatch.queries import Metric, Points
from local.engine.registry import Engine, Registry

EVERY_SECONDS = 1.0
EVICT_SECONDS = 60.0
# What a person set holds until CloudWatch compares again: every minute, or every period of a quicker alarm.
COMPARED_EVERY_SECONDS = 60.0
INITIAL_REASON = "Unchecked"
# Account, region and name.
Key = tuple[str, str, str]


def register(registry: Registry) -> None:
    registry.before_start(silence_own_evaluation)
    registry.on_start(lambda _: AlarmClock(set_state=set_alarm_state, factor=clock.factor()).run())


def silence_own_evaluation(_: Engine) -> None:
    clock.factor()  # a wrong setting ends the start, not a thread
    seams.replace("cloudwatch.evaluate_alarm", lambda _: None)
    seams.wrap("cloudwatch.evict", _now_and_then)


def _now_and_then(original: Callable[[], None]) -> Callable[[], None]:
    """Look for points older than two weeks once a minute; ministack does at every PutMetricData, through all points."""
    last = [0.0]

    def evict() -> None:
        if time.monotonic() - last[0] > EVICT_SECONDS:
            last[0] = time.monotonic()
            original()

    return evict


def all_alarms() -> Iterable[tuple[Key, Mapping[str, Any]]]:
    return list(seams.get("cloudwatch.alarms").all_items())


def set_alarm_state(key: Key, state: str, reason: str, data: Mapping[str, Any]) -> None:
    account, region, name = key
    context.client("cloudwatch", account=account, region=region).set_alarm_state(
        AlarmName=name, StateValue=state, StateReason=reason, StateReasonData=json.dumps(data)
    )


class AlarmClock:
    """Compares alarms with their metrics. `now` is in real seconds; CloudWatch's second takes `factor` of them."""

    def __init__(
        self,
        *,
        set_state: Callable[[Key, str, str, Mapping[str, Any]], None],
        alarms: Callable[[], Iterable[tuple[Key, Mapping[str, Any]]]] = all_alarms,
        now: Callable[[], float] = time.time,
        factor: float = 1.0,
    ) -> None:
        self._set_state = set_state
        self._alarms = alarms
        self._now = now
        self._factor = factor
        self._told: set[Key] = set()
        self._reasons: dict[Key, str] = {}

    def run(self) -> None:
        while True:
            time.sleep(max(0.1, EVERY_SECONDS * self._factor))
            try:
                self.tick()
            except Exception:  # all alarms would be silent for ever
                traceback.print_exc()

    def tick(self) -> None:
        """Evaluate all alarms of all accounts once."""
        for key, alarm in self._alarms():
            account, region, _ = key
            try:
                judged = MetricAlarm(alarm)
                if self._holds(key, alarm, judged.period):
                    continue
                verdict = judged.verdict(now=self._now() / self._factor, points=self._points(account, region))
            except CloudWatchError as error:
                self._tell(key, error)
                continue
            if verdict.state not in (None, alarm["StateValue"]):
                try:
                    self._set(key, judged, verdict)
                except ClientError as error:  # somebody deleted it meanwhile
                    self._tell(key, error)

    def _points(self, account: str, region: str) -> Callable[[Metric, float], Points]:
        """The observations of a metric, at CloudWatch's own time."""

        def read(metric: Metric, since: float) -> Points:
            stored = metric.points(account=account, region=region)
            recent = [point for point in stored if point["Timestamp"] >= since * self._factor]
            if self._factor == 1.0:
                return recent
            return [{**point, "Timestamp": point["Timestamp"] / self._factor} for point in recent]

        return read

    def _holds(self, key: Key, alarm: Mapping[str, Any], period: float) -> bool:
        """Whether somebody set the state so lately that no comparison is due.

        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
        """
        reason = str(alarm.get("StateReason", ""))
        if reason.startswith(INITIAL_REASON) or reason == self._reasons.get(key):
            return False
        age = self._now() - float(alarm.get("StateUpdatedTimestamp", 0))
        return age < min(period, COMPARED_EVERY_SECONDS) * self._factor

    def _set(self, key: Key, alarm: MetricAlarm, verdict: Verdict) -> None:
        self._reasons[key] = alarm.reason(verdict)
        data = alarm.reason_data(verdict, at=math.floor(self._now()))
        self._set_state(key, str(verdict.state), self._reasons[key], data)

    def _tell(self, key: Key, error: Exception) -> None:
        if key not in self._told:
            self._told.add(key)
            print(f"alarm {key[2]} of {key[0]} is not evaluated: {error}", file=sys.stderr, flush=True)
