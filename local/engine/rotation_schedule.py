"""Rotates secrets when they are due.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
Rates in hours and days are kept; for a cron expression nothing is rotated, and the log says so once.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.engine import context, seams
from local.engine.registry import Engine, Registry

LOOK_SECONDS = 5.0
HOUR_SECONDS, DAY_SECONDS = 3600, 86_400
RATE = re.compile(r"rate\((\d+) (hour|day)s?\)")


def register(registry: Registry) -> None:
    registry.on_start(Clock().run)


def due_at(secret: Mapping[str, Any]) -> float | None:
    """When the secret's next rotation is due (seconds since 1970); None when none is scheduled."""
    rules = secret.get("RotationRules") or {}
    if not secret.get("RotationEnabled"):
        return None
    if days := rules.get("AutomaticallyAfterDays"):
        every = int(days) * DAY_SECONDS
    elif rate := RATE.fullmatch(str(rules.get("ScheduleExpression", ""))):
        every = int(rate[1]) * (DAY_SECONDS if rate[2] == "day" else HOUR_SECONDS)
    else:
        return None
    return float(secret.get("LastRotatedDate") or secret["CreatedDate"]) + every


class Clock:
    """Tries each due secret once per due date: a rotation that failed waits for a person."""

    def __init__(self) -> None:
        self._tried: set[tuple[str, float]] = set()
        self._refused: set[str] = set()

    def run(self, _: Engine) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            self.tick(now=time.time())

    def tick(self, *, now: float) -> None:
        for (account, region, _), secret in list(seams.get("secrets.all").all_items()):
            due = due_at(secret)
            if due is None:
                self._say_if_cron(secret)
            elif due <= now and (secret["ARN"], due) not in self._tried:
                self._tried.add((secret["ARN"], due))
                try:
                    context.client("secretsmanager", account=account, region=region).rotate_secret(
                        SecretId=secret["ARN"]
                    )
                except ClientError as error:
                    print(f"rotation of {secret['Name']}: {error.response['Error']['Code']}", file=sys.stderr)

    def _say_if_cron(self, secret: Mapping[str, Any]) -> None:
        expression = str((secret.get("RotationRules") or {}).get("ScheduleExpression", ""))
        if secret.get("RotationEnabled") and expression and secret["ARN"] not in self._refused:
            self._refused.add(secret["ARN"])
            print(f"{secret['Name']} is not rotated by {expression}", file=sys.stderr, flush=True)
