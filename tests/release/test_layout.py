"""The release state vector."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release import layout
from release.layout import FunctionState, MalformedState, ReleaseState
from release.names import FUNCTIONS, Colour

_CELL = st.none() | st.from_regex(r"\A[A-Za-z0-9]{1,20}\Z", fullmatch=True).filter(lambda text: text != layout.NONE)
_STATES = st.builds(
    ReleaseState,
    live_colour=st.sampled_from(Colour),
    deployment_id=_CELL,
    functions=st.fixed_dictionaries(
        {name: st.builds(FunctionState, release_id=_CELL, blue=_CELL, green=_CELL) for name in FUNCTIONS}
    ),
)


@given(_STATES)
def test_what_is_written_is_what_is_read(state: ReleaseState) -> None:
    values = state.to_list()
    assert ReleaseState.from_list(values) == state
    assert len(values) == layout.LENGTH
    assert values[layout.LIVE_COLOUR_INDEX] == state.live_colour
    assert values[layout.DEPLOYMENT_INDEX] == (state.deployment_id or layout.NONE)
    for name, function in state.functions.items():
        assert values[layout.release_id_index(name)] == (function.release_id or layout.NONE)
        for colour in Colour:
            assert values[layout.version_index(name, colour)] == (function.version(colour) or layout.NONE)


def test_positions_never_move() -> None:
    """Deployed templates select by these numbers: a change here breaks every environment's next update."""
    assert (layout.LIVE_COLOUR_INDEX, layout.DEPLOYMENT_INDEX) == (0, 1)
    assert [layout.release_id_index(name) for name in ("validation", "processing", "fraud")] == [2, 5, 8]
    assert [layout.version_index("fraud", colour) for colour in (Colour.BLUE, Colour.GREEN)] == [9, 10]


def test_an_environment_without_history_says_blue_and_nothing_else() -> None:
    assert ReleaseState().to_list() == ["blue", *["none"] * (layout.LENGTH - 1)]
    assert not ReleaseState().has_history


def test_a_vector_from_before_a_function_was_added_is_read() -> None:
    state = ReleaseState.from_list(["green", "d1", "id-1", "1", "2"])
    assert state.functions["validation"] == FunctionState(release_id="id-1", blue="1", green="2")
    assert state.functions["fraud"] == FunctionState()


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["blue"],
        ["red", *["none"] * 10],
        ["blue", "none", "x"],
        ["blue", *["none"] * 40],
        ["blue", "", *["none"] * 9],
    ],
)
def test_a_vector_that_breaks_the_layout_is_refused(values: list[str]) -> None:
    with pytest.raises(MalformedState):
        ReleaseState.from_list(values)
