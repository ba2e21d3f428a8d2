"""The release state vector: what a StringList parameter says at which position.

Read by templates (with `Fn::Select`) and written by the controller. Positions are append-only:
a new function goes to the end of `names.FUNCTIONS`, nothing is ever moved or reused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from release.names import FUNCTIONS
from release.names import Colour as Colour

NONE: Final = "none"
"""What a position holds when there is nothing to record; Parameter Store has no empty items."""

LIVE_COLOUR_INDEX: Final = 0
DEPLOYMENT_INDEX: Final = 1
_FIRST_FUNCTION_INDEX: Final = 2
_POSITIONS_PER_FUNCTION: Final = 3
LENGTH: Final = _FIRST_FUNCTION_INDEX + _POSITIONS_PER_FUNCTION * len(FUNCTIONS)


class MalformedState(ValueError):
    """The stored vector does not follow the layout."""


def release_id_index(function: str) -> int:
    """Position of the release id of the version of `function` that is live."""
    return _FIRST_FUNCTION_INDEX + _POSITIONS_PER_FUNCTION * FUNCTIONS.index(function)


def version_index(function: str, colour: Colour) -> int:
    """Position of the version number that the alias `colour` of `function` holds."""
    return release_id_index(function) + (1 if colour is Colour.BLUE else 2)


@dataclass(frozen=True, kw_only=True)
class FunctionState:
    """One function's versions; None where there is none."""

    release_id: str | None = None
    blue: str | None = None
    green: str | None = None

    def version(self, colour: Colour) -> str | None:
        return self.blue if colour is Colour.BLUE else self.green


@dataclass(frozen=True, kw_only=True)
class ReleaseState:
    """What serves live traffic. The default is an environment without history."""

    live_colour: Colour = Colour.BLUE
    deployment_id: str | None = None
    functions: Mapping[str, FunctionState] = field(
        default_factory=lambda: {name: FunctionState() for name in FUNCTIONS}
    )

    def __post_init__(self) -> None:
        if set(self.functions) != set(FUNCTIONS):
            raise MalformedState(f"functions are {sorted(self.functions)}, not {sorted(FUNCTIONS)}")

    @property
    def has_history(self) -> bool:
        return self != ReleaseState()

    def versions(self, colour: Colour) -> dict[str, str | None]:
        return {name: self.functions[name].version(colour) for name in FUNCTIONS}

    def to_list(self) -> list[str]:
        values = [self.live_colour.value, self.deployment_id or NONE]
        for name in FUNCTIONS:
            state = self.functions[name]
            values += [state.release_id or NONE, state.blue or NONE, state.green or NONE]
        return values

    @classmethod
    def from_list(cls, values: Sequence[str]) -> "ReleaseState":
        """Read a stored vector. A shorter one was written before functions were added: the missing
        positions are `none`. Raises `MalformedState`."""
        cells = [cell.strip() for cell in values]
        known = (len(cells) - _FIRST_FUNCTION_INDEX) % _POSITIONS_PER_FUNCTION == 0
        if len(cells) < _FIRST_FUNCTION_INDEX or len(cells) > LENGTH or not known or "" in cells:
            raise MalformedState(f"expected {LENGTH} items, found {','.join(values)!r}")
        if cells[LIVE_COLOUR_INDEX] not in set(Colour):
            raise MalformedState(f"live colour is {cells[LIVE_COLOUR_INDEX]!r}")
        cells += [NONE] * (LENGTH - len(cells))

        def at(index: int) -> str | None:
            return None if cells[index] == NONE else cells[index]

        return cls(
            live_colour=Colour(cells[LIVE_COLOUR_INDEX]),
            deployment_id=at(DEPLOYMENT_INDEX),
            functions={
                name: FunctionState(
                    release_id=at(release_id_index(name)),
                    blue=at(version_index(name, Colour.BLUE)),
                    green=at(version_index(name, Colour.GREEN)),
                )
                for name in FUNCTIONS
            },
        )
