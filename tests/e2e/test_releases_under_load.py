"""A good release while customers pay: no request fails, and each colour answers the share that its weight says."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import pytest

from bench.load import percentile
from local.assembly import read_assembly
from local.single_environment import Environment, running_environment
from release.errors import Exit
from release.plans import plan_for
from tests.e2e.conftest import CHECKOUT
from tests.e2e.releasing import Releasing
from tests.e2e.traffic import Seen, Traffic

pytestmark = pytest.mark.acceptance

SUFFIX = "prod"
PER_SECOND = 50.0
# Clients that were answered late do not catch up.
PACE = 1.08 * PER_SECOND
CLIENTS, READS = 12, 3
# 108 seconds a step of prod's plan.
CLOCK_FACTOR = 0.6
REQUESTS_PER_STEP = 5_000
WITHIN_POINTS = 2.0
WARM_UP_SECONDS = 30.0
HARMLESS = "\n# Another version, and nothing else.\n"


@pytest.fixture
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment with the plan, the alarms and the provisioned concurrency that a release meets at last."""
    assembly, folder = read_assembly(CHECKOUT / "cdk.out"), tmp_path_factory.mktemp("prod")
    with running_environment(assembly, suffix=SUFFIX, checkout=CHECKOUT, folder=folder) as running:
        yield running


def test_a_good_release_fails_no_request_and_each_colour_answers_its_share(
    prod: Environment, say: Callable[[str], None]
) -> None:
    releasing = Releasing(prod)
    weights = [step.weight_percent for step in plan_for(SUFFIX).steps]
    began: dict[int, float] = {}
    assert releasing.run("freeze")[0] == Exit.DONE
    old, before = releasing.status()["live_colour"], releasing.live()
    assert releasing.deploy(1, dict.fromkeys(("validation", "processing", "fraud"), HARMLESS))

    with Traffic(prod, clients=CLIENTS, reads=READS, per_second=PACE) as traffic:
        traffic.rate(WARM_UP_SECONDS)
        started = time.time()
        process = releasing.start("shift", "--approved-by", "a test", factor=CLOCK_FACTOR)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            for weight in weights:
                if f": {weight} %, read back" in line:
                    began.setdefault(weight, time.time())
        ended = time.time()
        assert process.wait() == Exit.DONE, "".join(lines)
    assert releasing.live()["versions"] != before["versions"]

    # While the controller sets and reads a weight nobody outside can say which one holds.
    ends = [began[weight] - 1.0 for weight in weights[1:]] + [ended]
    steps = {weight: traffic.between(began[weight], end) for weight, end in zip(weights, ends, strict=True)}
    for weight, answers in steps.items():
        say(f"{weight} %: {_words(answers, old)}")
    shares = {weight: 100 * sum(each.colour != old for each in a) / len(a) for weight, a in steps.items()}
    seconds = ended - started
    asked = traffic.between(started, ended)
    say(f"{len(asked)} requests in {seconds:.0f} s: {len(asked) / seconds:.1f}/s, {_outcomes(asked)}")

    assert [each for each in traffic.seen if each.failed] == []
    assert {each.colour for each in traffic.seen if each.answered_at < began[weights[0]] - 1.0} == {old}
    assert len(asked) / seconds >= PER_SECOND
    assert all(len(answers) >= REQUESTS_PER_STEP for answers in steps.values())
    assert all(abs(share - weight) <= WITHIN_POINTS for weight, share in shares.items()), shares
    assert shares[100] == 100
    assert {each.outcome for each in traffic.seen} == {"authorized"}


def _outcomes(answers: Sequence[Seen]) -> str:
    counted = Counter(f"{each.method} {each.status} {each.outcome}" for each in answers)
    return ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))


def _words(answers: Sequence[Seen], old: str) -> str:
    new = sum(each.colour != old for each in answers)
    took = {
        which: [each.milliseconds for each in answers if (each.colour == old) is is_old]
        for which, is_old in (("old", True), ("new", False))
    }
    latencies = ", ".join(
        f"{which} p50 {percentile(ms, 50):.0f} p99 {percentile(ms, 99):.0f} ms" for which, ms in took.items() if ms
    )
    return f"{new} of {len(answers)} by the new colour ({100 * new / len(answers):.2f} %); {latencies}"
