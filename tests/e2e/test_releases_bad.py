"""Bad releases go back by themselves while customers pay, and how fast."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from local.single_environment import Environment
from release.errors import Exit
from tests.e2e.releasing import Releasing
from tests.e2e.traffic import Seen, Traffic

pytestmark = pytest.mark.acceptance

PER_SECOND = 50.0
CLIENTS, READS = 6, 3
BACK_WITHIN_SECONDS = 60.0
SLEPT_SECONDS = 2.5

FAILING = """
import random as _random
_pay, _answer = _authorize_payment, _serve


def _authorize_payment(call):
    if _random.random() < 0.05:
        raise RuntimeError("one of twenty")
    return _pay(call)


def _serve(request, identity):
    if _random.random() < 0.05:
        raise RuntimeError("one of twenty")
    return _answer(request, identity)
"""
SLOW = """
import random as _random
import time as _time
_pay, _answer = _authorize_payment, _serve


def _late():
    if _random.random() < 0.05:
        _time.sleep(2.5)


def _authorize_payment(call):
    _late()
    return _pay(call)


def _serve(request, identity):
    _late()
    return _answer(request, identity)
"""


@pytest.fixture
def releasing(own_environment: Environment) -> Releasing:
    made = Releasing(own_environment)
    for command in ("heal", "freeze"):
        code, output = made.run(command, "--ok-if-nothing")
        assert code == Exit.DONE, output
    return made


@pytest.mark.parametrize(("code", "number"), [(FAILING, 200), (SLOW, 300)], ids=["fails 5 %", "slow"])
def test_a_bad_release_goes_back_by_itself(
    releasing: Releasing, code: str, number: int, say: Callable[[str], None]
) -> None:
    before = releasing.live()
    old = releasing.status()["live_colour"]
    assert releasing.deploy(number, {"processing": code})
    said: dict[str, float] = {}
    with Traffic(releasing.environment, clients=CLIENTS, reads=READS, per_second=PER_SECOND) as traffic:
        traffic.rate(5)
        process = releasing.start("shift", "--approved-by", "a test", factor=1.0)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            for words in ("10 %, read back", "returning all traffic", "is back on", "ALARM"):
                if re.search(words, line):
                    said.setdefault(words, time.time())
        assert process.wait() == Exit.ROLLED_BACK, "".join(lines)
        traffic.rate(3)
    assert releasing.live() == before
    began, decided, back = (said[words] for words in ("10 %, read back", "returning all traffic", "is back on"))
    bad = [each for each in traffic.between(began, decided) if each.colour != old and _is_bad(each)]
    assert bad, "the new release did nothing wrong"
    first = bad[0].answered_at
    late = [each for each in traffic.between(back, time.time()) if each.colour != old]
    assert late == []
    assert back - first <= BACK_WITHIN_SECONDS
    reason = next(line.strip() for line in lines if "returning all traffic" in line)
    say(
        f"{reason}; first bad answer {first - began:.1f} s after the first weight, decision {decided - first:.1f} s "
        f"later, all traffic on {old} {back - decided:.2f} s after that"
    )


def _is_bad(each: Seen) -> bool:
    return each.failed or each.answered_at - each.sent_at > SLEPT_SECONDS
