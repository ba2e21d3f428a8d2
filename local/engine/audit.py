"""Which template properties ministack's own handlers would lose in silence; they are refused by name.

ministack's handlers take a dictionary and say nothing of what they leave unread. A top-level property whose name occurs
nowhere in the code of a type's handlers cannot have an effect (`local.engine.read_properties` watches nested ones).
Those that may be lost are listed with their reason in `local.engine.ignored_properties`. `make engine-audit` lists
what an application uses.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.engine import seams
from local.engine.api_gateway import firewall
from local.engine.cloudformation.permissions import actions_of
from local.engine.ignored_properties import IGNORED
from local.engine.registry import Registry, UnsupportedPropertyError

DEPTH = 4
KINDS = ("create", "update", "delete")
CALLED = re.compile(r"\b(?:(_?[A-Za-z]\w*)\.)?(_?[A-Za-z]\w*)\b")
CONSTANTS = (tuple, dict, list, set, frozenset)


class PropertyAudit:
    """Knows for each type what has an effect: by ministack, by us, or declared to have none."""

    def __init__(self, handlers: Mapping[str, Mapping[str, Any]], registry: Registry) -> None:
        self._theirs = {name: dict(h) for name, h in handlers.items() if name not in registry.resource_types}
        self._registry = registry

    def lost(self, name: str, properties: Collection[str]) -> list[str]:
        """The properties that would have no effect and are not declared to have none."""
        own = self._registry.resource_types.get(name)
        if own is not None:
            return [] if own.properties is None else sorted(set(properties) - set(own.properties))
        if name not in self._theirs:
            return []
        known = self._registry.supported.get(name, set()) | set(IGNORED.get(name, {}))
        return sorted(p for p in set(properties) - known if p not in self._mentioned(name))

    def check(self, name: str, properties: Collection[str]) -> None:
        """Raise `UnsupportedPropertyError` naming every property that would be lost."""
        if lost := self.lost(name, properties):
            raise UnsupportedPropertyError(f"{name}: the embedded AWS has no behaviour for {', '.join(lost)}")

    @functools.cache  # noqa: B019 - one audit for each engine
    def _mentioned(self, name: str) -> frozenset[str]:
        handlers = self._theirs[name]
        code = "\n".join(source for key in KINDS if key in handlers for source in _code(handlers[key]))
        return frozenset(re.findall(r"""["'](\w+)["']""", code))


def _code(function: Callable[..., Any]) -> Iterator[str]:
    """The source of a function and of what it calls in ministack, with the constants they name."""
    seen: set[Any] = set()
    waiting = [(function, 0)]
    while waiting:
        current, depth = waiting.pop()
        if current in seen or depth > DEPTH or not inspect.isfunction(current):
            continue
        seen.add(current)
        source = inspect.getsource(current)
        yield source
        for owner, name in set(CALLED.findall(source)):
            found = getattr(current.__globals__.get(owner), name, None) if owner else current.__globals__.get(name)
            if inspect.isfunction(found) and found.__module__.startswith("ministack."):
                waiting.append((found, depth + 1))
            elif isinstance(found, CONSTANTS) and not owner:
                yield repr(found)[:20_000]


def templates(assembly: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Type and properties of every resource in a cloud assembly."""
    for file in sorted(assembly.rglob("*.template.json")):
        for resource in json.loads(file.read_text()).get("Resources", {}).values():
            yield resource["Type"], resource.get("Properties") or {}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an assembly uses that has no effect: `ignored` is listed with a reason, `refused` fails its deployment.

    `unjudged` are the firewall's rules that inspect nothing.
    """

    ignored: tuple[tuple[str, str], ...]
    unjudged: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]


def findings(assembly: Path) -> Findings:
    """Type and property of everything in the assembly's templates that has no effect in the embedded AWS."""
    from local.engine.server import build_registry

    registry = build_registry()
    audit = PropertyAudit(seams.get("cloudformation.handlers"), registry)
    used: dict[str, set[str]] = {}
    rules: set[str] = set()
    for name, properties in templates(assembly):
        used.setdefault(name, set()).update(properties)
        if name == "AWS::WAFv2::WebACL":
            rules.update(firewall.unjudged(properties.get("Rules", ())))
    return Findings(
        ignored=tuple((name, p) for name in sorted(used) for p in sorted(used[name] & set(IGNORED.get(name, {})))),
        unjudged=tuple(sorted(rules)),
        refused=(
            *((name, p) for name in sorted(used) for p in audit.lost(name, used[name])),
            *(
                (name, "(the permissions that it needs)")
                for name in sorted(used)
                if not _has_permissions(name, registry)
            ),
        ),
    )


def _has_permissions(name: str, registry: Registry) -> bool:
    """Whether it is known what a stack's role needs for the type: ours call the API, ministack's are in a table."""
    return name in registry.resource_types or actions_of(name) is not None


def main(assembly: Path) -> int:
    """List the findings; 1 when some have no reason on the list."""
    found = findings(assembly)
    for name, property_name in found.ignored:
        print(f"{name} {property_name}: without effect, {IGNORED[name][property_name]}")
    for rule in found.unjudged:
        print(f"AWS::WAFv2::WebACL Rules, {rule}: inspects no request, such statements are not evaluated")
    for name, property_name in found.refused:
        print(f"{name} {property_name}: REFUSED, no behaviour")
    return 1 if found.refused else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
