"""Pushes, kills and a failed update on the embedded AWS: unapproved code never gets live traffic, and all heals."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from local.single_environment import Environment
from release.errors import Exit
from tests.e2e.releasing import Releasing, Watchman

PUSHES = 12
FAILS = 5
KILLED = 0.6
REJECTED = 0.15
LONGEST_SECONDS = 4.0
HEALED_WITHIN_SECONDS = 90.0
SEED = "RELEASES_SEED"

pytestmark = pytest.mark.acceptance


def settled(releasing: Releasing, command: str) -> None:
    """Run a command until nothing is in its way any more: a killed one's lease, or its stack update."""
    deadline = time.monotonic() + HEALED_WITHIN_SECONDS
    while (result := releasing.run(command, "--ok-if-nothing"))[0] != Exit.DONE:
        assert result[0] == Exit.REFUSED, result[1]
        assert time.monotonic() < deadline, result[1]


def maybe_killed(releasing: Releasing, chance: random.Random, command: str, *options: str) -> str:
    """The command, or a part of it: what became of it, in a word."""
    process = releasing.start(command, *options)
    if chance.random() >= KILLED:
        output, _ = process.communicate(timeout=300)
        assert process.returncode in (Exit.DONE, Exit.NOTHING_TO_DO), output
        return "done"
    time.sleep(chance.uniform(0.5, LONGEST_SECONDS))
    if process.poll() is not None:
        return "done"
    process.kill()
    process.wait()
    return "killed"


def test_pushes_with_kills_and_a_failed_update(own_environment: Environment, say: Callable[[str], None]) -> None:
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(2**32))
    chance = random.Random(seed)  # noqa: S311 - drawn again from the same seed
    releasing = Releasing(own_environment)
    settled(releasing, "freeze")
    approved = [releasing.live_versions()]
    words = []
    with Watchman(releasing, approved=set(approved[0].items())) as watchman:
        for number in range(1, PUSHES + 1):
            froze = maybe_killed(releasing, chance, "freeze")
            settled(releasing, "freeze")
            before = releasing.live()
            assert releasing.live_versions() in approved
            changed = chance.sample(["validation", "processing", "fraud"], k=chance.randint(1, 3))
            deployed = releasing.deploy(number, dict.fromkeys(changed, f"# {number}\n"), fails=number == FAILS)
            assert deployed == (number != FAILS)
            assert releasing.live() == before, f"push {number} moved live traffic"
            shifted = "failed update" if not deployed else "rejected"
            if deployed and chance.random() >= REJECTED:
                approved.append(releasing.deployed_versions())
                watchman.approve(approved[-1])
                shifted = maybe_killed(releasing, chance, "shift", "--approved-by", "a test")
                if shifted == "done":
                    assert releasing.live_versions() == approved[-1]
            words.append(f"{number}: freeze {froze}, {shifted}")
        settled(releasing, "heal")
        settled(releasing, "freeze")
        assert releasing.run("verify")[0] == Exit.DONE
        assert releasing.live_versions() in approved
    assert watchman.violations == []
    killed = sum(line.count("killed") for line in words)
    say(f"seed {seed}: {PUSHES} pushes, {killed} commands killed, {watchman.looks} looks at live traffic; {words}")
    assert killed >= 1
