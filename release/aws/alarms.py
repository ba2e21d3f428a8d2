"""The environment's CloudWatch alarms."""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import StateValueType

_NAMES_PER_CALL = 100


class StackAlarms:
    """`names` lists the alarms once; it is asked at the first use."""

    def __init__(self, client: "CloudWatchClient", names: Callable[[], frozenset[str]]) -> None:
        self._client = client
        self._list = names
        self._names: frozenset[str] | None = None

    def watched(self) -> frozenset[str]:
        if self._names is None:
            self._names = self._list()
        return self._names

    def firing(self) -> frozenset[str]:
        return self._in("ALARM")

    def silent(self) -> frozenset[str]:
        return self._in("INSUFFICIENT_DATA")

    def _in(self, state: "StateValueType") -> frozenset[str]:
        found: set[str] = set()
        names = iter(sorted(self.watched()))
        while chunk := list(islice(names, _NAMES_PER_CALL)):
            answer = self._client.describe_alarms(
                AlarmNames=chunk, AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue=state, MaxRecords=100
            )
            found.update(alarm["AlarmName"] for alarm in answer["MetricAlarms"])
            found.update(alarm["AlarmName"] for alarm in answer["CompositeAlarms"])
        return frozenset(found)
