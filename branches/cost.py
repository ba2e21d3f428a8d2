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
    """Dollars per month by what they are paid for. Requests, storage and traffic come on top of it."""

    as_of: str
    dollars_per_month: Mapping[str, float]

    @property
    def dollars_per_day(self) -> float:
        return sum(self.dollars_per_month.values()) / _DAYS_PER_MONTH

    def __str__(self) -> str:
        return f"{self.dollars_per_day:.2f} $ (prices of {self.as_of})"


def idle_cost(assembly: Path) -> Cost:
    """Price all templates of the assembly, nested ones included. Raises `FileNotFoundError` where there is none."""
    templates = sorted(assembly.rglob("*.template.json"))
    if not templates:
        raise FileNotFoundError(f"{assembly} holds no synthesized environment")
    prices: dict[str, Any] = json.loads(_PRICES.read_text())
    paid = defaultdict[str, float](float, {"secrets": _SECRETS * prices["dollars_per_month_each"]["secret"]})
    for template in templates:
        for resource in json.loads(template.read_text())["Resources"].values():
            for what, dollars in _parts(resource["Type"], resource.get("Properties", {}), prices):
                paid[what] += dollars
    return Cost(as_of=prices["as_of"], dollars_per_month=dict(paid))


def _parts(type_: str, properties: Mapping[str, Any], prices: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    each = prices["dollars_per_month_each"]
    if type_ == "AWS::CloudWatch::Alarm" and int(properties.get("Period", 60)) < 60:
        yield type_, each["high_resolution_alarm"]
        return
    if type_ in prices["dollars_per_month"]:
        yield type_, prices["dollars_per_month"][type_]
    if type_ == "AWS::WAFv2::WebACL":
        yield "firewall rules", each["firewall_rule"] * len(properties["Rules"])
    if type_ == "AWS::EC2::VPCEndpoint" and properties.get("VpcEndpointType") == "Interface":
        yield type_, each["interface_endpoint_zone"] * len(properties["SubnetIds"])
    if type_ == "AWS::RDS::DBCluster":
        least = float(properties["ServerlessV2ScalingConfiguration"]["MinCapacity"])
        yield "database, writer at its least capacity", least * prices["dollars_per_acu_hour"] * _HOURS_PER_MONTH
