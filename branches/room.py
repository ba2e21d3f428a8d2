"""How many environments of branches one account has room for, from a synthesized one and AWS's quotas with a date."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_QUOTAS: Final = Path(__file__).with_name("quotas.json")
CONCURRENCY: Final = "concurrent executions"


def room(assembly: Path, limits: Mapping[str, int] | None = None) -> dict[str, int]:
    """By quota, how many such environments fit; `limits` are the account's own where they are not AWS's default ones.

    `taken` in the table is what an empty account uses: its default VPC, and what Lambda never lets anybody reserve.
    Raises `FileNotFoundError` where nothing is synthesized, `KeyError` for a quota that the table does not have.
    """
    quotas: dict[str, dict[str, Any]] = json.loads(_QUOTAS.read_text())["quotas"]
    for name, limit in (limits or {}).items():
        quotas[name]["limit"] = limit
    resources = [
        resource
        for template in sorted(assembly.rglob("*.template.json"))
        for resource in json.loads(template.read_text())["Resources"].values()
    ]
    if not resources:
        raise FileNotFoundError(f"{assembly} holds no synthesized environment")
    found = {}
    for name, quota in quotas.items():
        each = _used(quota, resources)
        if each:
            found[name] = max(0, quota["limit"] - quota.get("taken", 0)) // each
    return found


def _used(quota: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> int:
    if "property" in quota:
        return sum(int(resource.get("Properties", {}).get(quota["property"], 0)) for resource in resources)
    return sum(resource["Type"] == quota["type"] for resource in resources)
