"""Versions that nobody can need any more go: Lambda keeps every one, and their code, for ever."""

from collections.abc import Iterable, Sequence
from typing import Final

from release.layout import ReleaseState
from release.model import Journal, StackView
from release.names import FUNCTIONS, Colour, release_version_output
from release.ports import Environment

KEPT: Final = 5
"""How many of the newest versions stay whatever they are for."""


def prunable(versions: Sequence[str], needed: frozenset[str], *, keep: int = KEPT) -> tuple[str, ...]:
    """The version numbers that may go, oldest first: not `needed`, and not among the `keep` newest."""
    ordered = sorted(versions, key=int)
    return tuple(version for version in ordered[: max(0, len(ordered) - keep)] if version not in needed)


def prune(environment: Environment, stacks: Iterable[StackView]) -> None:
    """Delete what no alias holds, no rollback returns to and no stack has made last. The caller has healed."""
    outputs = {key: value for view in stacks for key, value in view.outputs.items()}
    journal, recorded = environment.ledger.journal(), environment.store.state()
    for name in FUNCTIONS:
        held = {environment.functions.version(name, colour) for colour in Colour}
        needed = held | {outputs.get(release_version_output(name))} | _of_releases(name, journal, recorded)
        for version in prunable(environment.functions.versions(name), frozenset(v for v in needed if v)):
            environment.keep()
            if environment.functions.delete(name, version):
                environment.progress(f"{name}: version {version} is deleted, no release needs it")


def _of_releases(name: str, journal: Journal, recorded: ReleaseState | None) -> set[str | None]:
    states = [state for state in (journal.origin, journal.previous, recorded) if state]
    return {state.functions[name].version(colour) for state in states for colour in Colour}
