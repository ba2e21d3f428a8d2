"""What an environment costs while nobody uses it, from its synthesized templates and a price table with a date."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PRICES: Final = Path(__file__).with_name("prices.json")
_HOURS_PER_MONTH: Final = 730
_DAYS_PER_MONTH: Final = _HOURS_PER_MONTH / 24
# The administrator's and the application's: made by the build, so no template holds them.
_SECRETS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Dollars per month by what they are paid for. Requests, storage and traffic come on top of it.

    `unpriced` are the types that the table does not know: what they cost is not in the sum.
    """

    as_of: str
    dollars_per_month: Mapping[str, float]
    unpriced: frozenset[str] = frozenset()

    @property
    def dollars_per_day(self) -> float:
        return sum(self.dollars_per_month.values()) / _DAYS_PER_MONTH

    def __str__(self) -> str:
        without = f", without {', '.join(sorted(self.unpriced))}" if self.unpriced else ""
        return f"{self.dollars_per_day:.2f} $ (prices of {self.as_of}{without})"


def idle_cost(assembly: Path) -> Cost:
    """Price all templates of the assembly, nested ones included. Raises `FileNotFoundError` where there is none."""
    templates = sorted(assembly.rglob("*.template.json"))
    if not templates:
        raise FileNotFoundError(f"{assembly} holds no synthesized environment")
    prices: dict[str, Any] = json.loads(_PRICES.read_text())
    paid = defaultdict[str, float](float, {"secrets": _SECRETS * prices["dollars_per_month_each"]["secret"]})
    free, unpriced = frozenset(prices["free_while_idle"]), set[str]()
    for template in templates:
        for resource in json.loads(template.read_text())["Resources"].values():
            parts = list(_parts(resource["Type"], resource.get("Properties", {}), prices))
            if not parts and resource["Type"] not in free:
                unpriced.add(resource["Type"])
            for what, dollars in parts:
                paid[what] += dollars
    return Cost(as_of=prices["as_of"], dollars_per_month=dict(paid), unpriced=frozenset(unpriced))


def _parts(type_: str, properties: Mapping[str, Any], prices: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    each = prices["dollars_per_month_each"]
    if type_ == "AWS::CloudWatch::Alarm":
        for period in _alarm_periods(properties):
            yield type_, each["high_resolution_alarm" if period < 60 else "alarm"]
    if type_ in prices["dollars_per_month"]:
        yield type_, prices["dollars_per_month"][type_]
    if type_ == "AWS::WAFv2::WebACL":
        yield "firewall rules", each["firewall_rule"] * len(properties["Rules"])
    if type_ == "AWS::EC2::VPCEndpoint":
        zones = len(properties["SubnetIds"]) if properties.get("VpcEndpointType") == "Interface" else 0
        yield type_, each["interface_endpoint_zone"] * zones
    if type_ == "AWS::RDS::DBCluster":
        least = float(properties["ServerlessV2ScalingConfiguration"]["MinCapacity"])
        yield "database, writer at its least capacity", least * prices["dollars_per_acu_hour"] * _HOURS_PER_MONTH


def _alarm_periods(properties: Mapping[str, Any]) -> list[int]:
    """The period in seconds of every metric that the alarm looks at: each is paid for."""
    metrics = [metric["MetricStat"] for metric in properties.get("Metrics", []) if "MetricStat" in metric]
    return [int(metric.get("Period", 60)) for metric in metrics or [properties]]
