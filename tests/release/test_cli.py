"""The process around the commands: options, exit codes, signals."""

import json
import os
import re
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from release import cli
from release.clock import ScaledClock, factor_from
from release.commands import COMMANDS
from release.errors import Exit, Interrupted
from tests.release.world import API, World, push


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The CLI, connected to an environment in memory; the test's own signal handlers stay."""
    made = World()
    made.ship(push("1"))
    monkeypatch.setattr(cli, "connect", lambda *_, progress, **__: replace(made.environment(), progress=progress))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_exit_codes_tell_a_pipeline_what_happened(world: World) -> None:
    assert cli.main(["verify", "--suffix", "dev"]) == 0
    assert cli.main(["shift", "--suffix", "dev"]) == 10
    assert cli.main(["shift", "--suffix", "dev", "--ok-if-nothing"]) == 0
    world.stage = "deployment-9"
    assert cli.main(["verify", "--suffix", "dev", "--ok-if-nothing"]) == 1
    world.statuses[API] = "UPDATE_IN_PROGRESS"
    assert cli.main(["freeze", "--suffix", "dev"]) == 40
    assert [code.value for code in (Exit.ROLLED_BACK, Exit.PAUSED)] == [20, 30]


def test_json_goes_to_stdout_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["freeze", "--suffix", "dev", "--json"])
    out, err = capsys.readouterr()
    assert json.loads(out)["exit"] == "done"
    assert "release state: blue" in err


@pytest.mark.usefixtures("world")
def test_an_invalid_suffix_is_refused_with_the_rule(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["status", "--suffix", "Main"])
    assert end.value.code == 2
    assert "lower-case letter first" in capsys.readouterr().err


def test_sigterm_during_a_shift_returns_all_traffic(world: World) -> None:
    world.run("freeze")
    world.deployment(push("2"))
    world.approve()
    world.at_second[15] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    assert cli.main(["shift", "--suffix", "dev"]) == Exit.FAILED
    assert world.run("heal").exit is Exit.NOTHING_TO_DO
    assert world.run("verify").exit is Exit.DONE
    assert world.live_release() == world.approved[0]


@pytest.mark.usefixtures("world")
def test_a_second_signal_does_not_disturb_the_way_back() -> None:
    signal.signal(signal.SIGTERM, cli._interrupt)
    with pytest.raises(Interrupted):
        os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGTERM)


def test_every_command_of_the_pipeline_exists() -> None:
    assert set(COMMANDS) == {
        "guard",
        "freeze",
        "migrate",
        "shift",
        "rollback",
        "cool",
        "heal",
        "verify",
        "status",
        "outputs",
    }


def test_the_documented_exit_codes_and_commands_are_those_there_are() -> None:
    text = (Path(__file__).parents[2] / "docs" / "releases.md").read_text()
    codes = {int(code): name for code, name in re.findall(r"^\| (\d+) \| ([a-z ]+) \|", text, re.MULTILINE)}
    assert codes == {code.value: code.name.lower().replace("_", " ") for code in Exit} | {2: "usage"}
    assert set(re.findall(r"^\| `([a-z]+)` \|", text, re.MULTILINE)) == set(COMMANDS)


def test_the_clock_factor_comes_from_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RELEASE_CLOCK_FACTOR", raising=False)
    assert factor_from(None) == 1
    monkeypatch.setenv("RELEASE_CLOCK_FACTOR", "0.05")
    assert factor_from(None) == 0.05
    assert factor_from("0.5") == 0.5
    with pytest.raises(ValueError, match="clock factor"):
        factor_from("0")


def test_a_fast_clock_sleeps_less_and_counts_more() -> None:
    clock = ScaledClock(factor=0.01)
    before = clock.now()
    clock.sleep(2)
    assert 2 <= clock.now() - before < 60
