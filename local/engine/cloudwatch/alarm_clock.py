"""Evaluates every metric alarm each second, in place of ministack's own evaluation.

ministack's pools all dimensions, knows no missing data and only runs when a metric is written. State changes
go through SetAlarmState, so that actions, history and composite alarms follow as they do there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from local.engine import context, seams
from local.engine.cloudwatch.evaluation import Point, Rule, UnsupportedAlarmError, Verdict, evaluate
from local.engine.registry import Engine, Registry

EVERY_SECONDS = 1.0
EVICT_SECONDS = 60.0


def register(registry: Registry) -> None:
    registry.before_start(silence_own_evaluation)
    registry.on_start(AlarmClock(now=time.time).run)


def silence_own_evaluation(_: Engine) -> None:
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


class AlarmClock:
    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._refused: set[tuple[str, str]] = set()

    def run(self, _: Engine) -> None:
        while True:
            time.sleep(EVERY_SECONDS)
            self.tick()

    def tick(self) -> None:
        """Evaluate all alarms of all accounts once."""
        for (account, region, name), alarm in list(seams.get("cloudwatch.alarms").all_items()):
            try:
                rule, now = Rule.of(alarm), self._now()
                verdict = evaluate(rule, _points(account, region, alarm, rule, now), now=now)
            except UnsupportedAlarmError as error:
                self._refuse(account, name, error)
                continue
            if verdict.state not in (None, alarm["StateValue"]):
                context.client("cloudwatch", account=account, region=region).set_alarm_state(
                    AlarmName=name, StateValue=verdict.state, StateReason=_reason(alarm, verdict)
                )

    def _refuse(self, account: str, name: str, error: UnsupportedAlarmError) -> None:
        if (account, name) not in self._refused:
            self._refused.add((account, name))
            print(f"alarm {name} of {account} is not evaluated: {error}", file=sys.stderr, flush=True)


def _points(account: str, region: str, alarm: Mapping[str, Any], rule: Rule, now: float) -> list[Point]:
    """The observations of exactly the alarm's metric: namespace, name and every dimension."""
    dimensions = {d["Name"]: d["Value"] for d in alarm.get("Dimensions") or []}
    key = (alarm["Namespace"], alarm["MetricName"], seams.get("cloudwatch.dimensions_key")(dimensions))
    stored = seams.get("cloudwatch.metrics").get_scoped(account, region, key) or ()
    oldest = now - rule.period_seconds * (rule.evaluation_periods + 1)
    return [
        Point(at=float(p["Timestamp"]), value=float(p["Value"]))
        for p in list(stored)
        if p["Timestamp"] >= oldest and "Value" in p
    ]


def _reason(alarm: Mapping[str, Any], verdict: Verdict) -> str:
    values = ", ".join("missing" if v is None else f"{v:g}" for v in verdict.values)
    return f"Threshold Crossed: [{values}] {alarm['ComparisonOperator']} {alarm['Threshold']:g}"
