"""What one build does for a branch: make its environment, bring it up to date, or remove it."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from branches.destroy import Removed
from branches.errors import BranchError, Superseded
from branches.ports import Clock, Look, Say
from branches.records import Records, lease
from branches.repository import Repository
from release import names
from release.suffix import is_permanent, suffix_for

LIFE_SECONDS: Final = 7 * 24 * 3600.0
"""How long an environment lives after its last push."""
ASSEMBLY: Final = "build/branch"
OUTPUTS: Final = "cfn-outputs"
REPORT: Final = Path("reports/environment.md")
PYTHON: Final = ".venv/bin/python"

Run = Callable[[Sequence[str], Look, Mapping[str, str]], None]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What the webhook tells: `ref` is `pr/12` or `branch/my-branch`, `commit` what was checked out."""

    ref: str
    commit: str
    build: str
    account: str

    @property
    def suffix(self) -> str:
        return suffix_for(f"refs/heads/{self.ref.removeprefix('branch/')}" if self.is_branch else self.ref)

    @property
    def is_branch(self) -> bool:
        return self.ref.startswith("branch/")


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything outside: tests bring their own."""

    records: Records
    repository: Repository
    run: Run
    prepare: Callable[[str], object]
    destroy: Callable[[str, Look], Removed]
    cost_per_day: Callable[[Path], str]
    clock: Clock
    say: Say


def handle(change: Change, world: World) -> str:
    """Make reality what the repository says now, whatever event started this build; returns what was done.

    A push to a closed branch does nothing, an older push than the newest does nothing, and closing while this
    deploys ends with the environment removed. Raises `BranchError`.
    """
    suffix = change.suffix
    if is_permanent(suffix):
        raise BranchError(f"{change.ref} would be {suffix}, which is the pipeline's")
    now = world.clock.now()
    with lease(
        world.records,
        suffix,
        change.ref,
        holder=change.build,
        lives_until=now + LIFE_SECONDS,
        clock=world.clock,
        say=world.say,
    ) as held:
        head = world.repository.head(change.ref)
        if head is None:
            return _remove(change, world, held)
        if head != change.commit:
            return f"{change.ref} is at {head[:8]} by now: its own build brings {suffix} up to date"
        outcome = f"{suffix} is at {change.commit[:8]}"
        try:
            _deploy(change, world, held)
        except Superseded as reason:
            outcome = f"given up: {reason}"
        # Asked last: who closes a branch while this deploys finds a build that cleans up after itself.
        if _head(change, world) is None:
            return _remove(change, world, held)
    return outcome


def _head(change: Change, world: World) -> str | None:
    """Where the branch is by now; still at this commit where the repository does not answer, for whoever closes the
    branch or pushes to it starts a build of their own, which waits for this one."""
    try:
        return world.repository.head(change.ref)
    except BranchError as error:
        world.say(f"whether {change.ref} has moved on is unknown: {error}")
        return change.commit


def _remove(change: Change, world: World, held: Look) -> str:
    removed = world.destroy(change.suffix, held)
    world.records.forget(change.suffix, holder=change.build)
    return f"{change.ref} is closed; {change.suffix}: {removed}"


def _deploy(change: Change, world: World, held: Look) -> None:
    """Raises `Superseded` as soon as the branch is closed or has a newer commit, `BranchError` when a step fails."""
    words = f"{change.suffix} is being brought to {change.commit[:8]}"
    _tell(world, lambda: world.repository.announce(change.commit, words=words))
    try:
        words, text = _bring(change, world, held)
    except Superseded:
        raise
    except Exception as error:
        # A message that is not ours may name what readers of a pull request need not know: it is in the build's log.
        reason = str(error) if isinstance(error, BranchError) else type(error).__name__
        words, text = f"{change.suffix}: {reason}", f"**{change.suffix}** failed: {reason}\n\nBuild `{change.build}`"
        _tell(
            world,
            lambda: world.repository.tell(change.ref, change.commit, succeeded=False, words=words, text=text),
        )
        raise
    world.repository.tell(change.ref, change.commit, succeeded=True, words=words, text=text)


def _tell(world: World, call: Callable[[], None]) -> None:
    """Whether anybody hears of it changes nothing."""
    try:
        call()
    except BranchError as error:
        world.say(f"the repository was not told: {error}")


def _bring(change: Change, world: World, held: Look) -> tuple[str, str]:
    """Returns one line about the environment that is there now, and its report."""
    suffix = change.suffix

    def look() -> None:
        held()
        head = _head(change, world)
        if head != change.commit:
            raise Superseded(f"{change.ref} is {'closed' if head is None else f'at {head[:8]}'} by now")

    started = world.clock.now()
    world.prepare(suffix)
    for words, command, environment in steps(change):
        look()
        began = world.clock.now()
        world.say(f"{words} …")
        world.run(command, look, environment)
        world.say(f"{words}: {world.clock.now() - began:.0f} s")
    lives_until = world.clock.now() + LIFE_SECONDS
    outputs = json.loads((Path(OUTPUTS) / "flat-outputs.json").read_text())
    world.records.deployed(
        suffix, holder=change.build, commit=change.commit, url=outputs["ApiUrl"], lives_until=lives_until
    )
    cost = world.cost_per_day(Path(ASSEMBLY))
    text = report(change, outputs, cost=cost, seconds=world.clock.now() - started, lives_until=lives_until)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(text)
    world.say(text)
    return f"{suffix}, idle {cost} a day, until {_day(lives_until)}", text


def steps(change: Change) -> list[tuple[str, list[str], dict[str, str]]]:
    """The way of a commit into its environment: words for the log, command, environment variables."""
    suffix = change.suffix
    release_role, test_role = (
        f"arn:aws:iam::{change.account}:role/{name}"
        for name in (names.release_role(suffix), names.integration_test_role(suffix))
    )
    cdk = ["node_modules/.bin/cdk"]
    deploy = [*cdk, "deploy", "--app", ASSEMBLY, "--require-approval", "never", "--progress", "events"]

    def controller(command: str, *more: str, role: str = release_role) -> list[str]:
        return [PYTHON, "-m", "release", command, "--suffix", suffix, "--role-arn", role, *more]

    commit = ("--commit", change.commit)
    return [
        ("fast checks", ["make", "check"], {}),
        ("synthesize", [*cdk, "synth", "--quiet", "**", "-c", f"environmentSuffix={suffix}", "-o", ASSEMBLY], {}),
        ("deploy access", [*deploy, "--exclusively", names.access_stack(suffix)], {}),
        ("freeze", controller("freeze", *commit), {}),
        ("deploy", [*deploy, "--concurrency", "4", "**"], {}),
        # The first connection also wakes a database that has scaled to zero.
        ("migrate", controller("migrate"), {}),
        ("outputs", controller("outputs", "--directory", OUTPUTS, role=test_role), {}),
        (
            "integration tests",
            [PYTHON, "-m", "pytest", "integ_tests", "-q", "--junitxml=reports/integration.xml"],
            {"INTEGRATION_TEST_ROLE_ARN": test_role},
        ),
        ("shift", controller("shift", *commit, "--ok-if-nothing"), {}),
        ("verify", controller("verify"), {}),
    ]


def report(change: Change, outputs: Mapping[str, str], *, cost: str, seconds: float, lives_until: float) -> str:
    """Markdown for the pull request. `cost` is that of an idle day, `lives_until` seconds since the epoch."""
    rows = [f"| {key} | `{value}` |" for key, value in sorted(outputs.items())]
    return "\n".join(
        [
            f"### Environment `{change.suffix}` is at {change.commit[:8]}",
            "",
            f"API: {outputs['ApiUrl']}",
            "",
            f"Idle it costs {cost} a day. It is removed when this is closed, or {LIFE_SECONDS / 86400:.0f} "
            f"days after the last push: on {_day(lives_until)}. Deployed in {seconds:.0f} s.",
            "",
            "| output | value |",
            "|---|---|",
            *rows,
            "",
        ]
    )


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
