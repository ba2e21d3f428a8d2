from __future__ import annotations

import pytest

from local.pipeline.stage_gate import Entry, StageGate


def test_a_free_stage_is_entered_and_again_when_asked_again() -> None:
    gate = StageGate()
    assert gate.claim(1) is Entry.ENTERED
    assert gate.claim(1) is Entry.ENTERED


def test_a_newer_execution_takes_the_waiting_place_and_the_older_is_superseded() -> None:
    gate = StageGate()
    gate.claim(1)
    assert gate.claim(2) is Entry.WAITING
    assert gate.claim(3) is Entry.WAITING
    assert gate.claim(2) is Entry.SUPERSEDED
    gate.leave(1)
    assert gate.claim(3) is Entry.ENTERED
    assert gate.waiting == 0


def test_the_one_inside_is_never_superseded_by_one_that_waits() -> None:
    gate = StageGate()
    gate.claim(1)
    gate.claim(2)
    assert gate.claim(1) is Entry.ENTERED


def test_an_older_execution_cannot_enter_behind_a_newer_one() -> None:
    gate = StageGate()
    gate.claim(2)
    gate.leave(2)
    assert gate.claim(1) is Entry.SUPERSEDED


@pytest.mark.parametrize("others", [(), (2,)])
def test_only_the_last_one_inside_may_come_back(others: tuple[int, ...]) -> None:
    gate = StageGate()
    for number in (1, *others):
        gate.claim(number)
        gate.leave(number)
    assert gate.reclaim(1) is (not others)


def test_nobody_comes_back_while_somebody_is_inside() -> None:
    gate = StageGate()
    gate.claim(1)
    assert gate.reclaim(1) is False
