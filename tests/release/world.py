"""An environment in memory: the controller's ports, CloudFormation's habits, and a judge.

CloudFormation writes a property only where its resolved value differs from the one it applied last,
and a failed update goes back to those. The judge looks after every change of the world.
"""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

from botocore.exceptions import ClientError

from release.analysis import Sample
from release.approval import Approval
from release.commands import COMMANDS, Context, Outcome
from release.errors import Overtaken, Refused
from release.layout import ReleaseState
from release.model import Entry, Event, Journal, Lease, Release, RoutedRule, StackView
from release.names import (
    DEPLOYMENT_OUTPUT,
    FUNCTIONS,
    ROUTED,
    Colour,
    provisioned_concurrency_output,
    release_version_output,
    stack,
)
from release.ports import Environment
from release.preview import Probe, Reply

SUFFIX = "dev"
LEASE_SECONDS = 20
COMPUTE, API = stack(SUFFIX, "compute"), stack(SUFFIX, "api")
Property = tuple[str, ...]


class Killed(BaseException):
    """SIGKILL: nothing of the controller runs after it."""


@dataclass(frozen=True)
class Push:
    """A commit's template, as far as releases care: release id per function, and the API's deployment."""

    release_ids: Mapping[str, str]
    deployment: str


def push(version: str, *, api: str = "1", **changed: str) -> Push:
    """All functions at `version` but those named."""
    return Push({name: f"{name}-{changed.get(name, version)}" for name in FUNCTIONS}, f"deployment-{api}")


@dataclass
class World:
    """Ports and AWS in one. `kill_after` counts the changes that the controller may still make; the one after
    `fail_after` of them is throttled."""

    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311
    weights: dict[str, dict[Colour, int]] = field(default_factory=dict)
    aliases: dict[tuple[str, Colour], str] = field(default_factory=dict)
    stage: str | None = None
    stored_state: ReleaseState | None = None
    stored_journal: Journal = field(default_factory=Journal)
    entries: list[Entry] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Approval]] = field(default_factory=dict)
    leases: list[tuple[int, Lease]] = field(default_factory=list)
    command: int = 0
    leased_at: float = 0.0
    served: dict[Colour, Sample] = field(default_factory=dict)
    served_at: dict[tuple[Colour, int], Sample] = field(default_factory=dict)
    held: str | None = None
    warm: set[tuple[str, Colour]] = field(default_factory=set)
    started: str = "READY"
    asked: int = 0
    preview_answers: bool = True
    preview_version: str | None = None
    factor: float = 1.0
    alarms_red: set[str] = field(default_factory=set)
    alarms_silent: set[str] = field(default_factory=set)
    alarm_names: frozenset[str] = frozenset({"payment-dev-p99", "payment-dev-errors"})
    seconds: float = 0.0
    looks: int = 0
    at_second: dict[int, Callable[[], None]] = field(default_factory=dict)
    kill_after: int | None = None
    fail_after: int | None = None
    lying_router: bool = False
    unrecorded: tuple[int, str] | None = None
    deployments_gone: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)
    templates: dict[str, Push] = field(default_factory=dict)
    applied: dict[str, dict[Property, str]] = field(default_factory=dict)
    published: dict[str, tuple[str, str]] = field(default_factory=dict)
    counter: int = 0
    approved: list[Release] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)

    # --- the controller's changes, each of which may be its last ---

    def _survive(self, name: str) -> None:
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                self.fail_after = None
                raise ClientError({"Error": {"Code": "ThrottlingException", "Message": name}}, name)
        if self.kill_after is not None:
            self.kill_after -= 1
            if self.kill_after < 0:
                raise Killed(name)

    def _act(self, name: str, change: Callable[[], None]) -> None:
        self._survive(name)
        if name != "lease" and not self._mine():
            self.violations.append(f"{name} by a command that has no lease")
        change()
        self.actions.append(name)
        self._judge(name)

    def rules(self) -> tuple[RoutedRule, ...]:
        return tuple(
            RoutedRule(arn=f"rule/{name}", function=name, weights=dict(self.weights[name]))
            for name in ROUTED
            if name in self.weights
        )

    def set_weights(self, rule_arn: str, weights: Mapping[Colour, int], *, keep: Callable[[], None]) -> None:
        keep()
        name = rule_arn.removeprefix("rule/")
        if not self.lying_router:
            self._act(f"weights {name} {weights[Colour.BLUE]}", lambda: self.weights[name].update(weights))

    def version(self, function: str, colour: Colour) -> str | None:
        return self.aliases.get((function, colour))

    def release_id(self, function: str, version: str) -> str | None:
        return next((i for i, (name, number) in self.published.items() if (name, number) == (function, version)), None)

    def point(self, function: str, colour: Colour, version: str) -> None:
        if version not in self.versions(function):
            self.violations.append(f"{function} {version} does not exist any more")
        self._act(f"point {function} {colour}", lambda: self.aliases.update({(function, colour): version}))

    def provisioned(self, function: str, colour: Colour) -> str | None:
        return self.started if (function, colour) in self.warm else None

    def provision(self, function: str, colour: Colour, environments: int) -> None:
        if (function, colour.other) in self.warm and self.version(function, colour) == self.version(
            function, colour.other
        ):
            self.violations.append(f"Lambda would refuse: {function} has it on {colour.other} for the same version")
        self._act(f"provision {function} {colour}", lambda: self.warm.add((function, colour)))

    def unprovision(self, function: str, colour: Colour) -> None:
        if any(self.weights[name][colour] == 100 for name in ROUTED):
            self.violations.append(f"{function} {colour} was cooled with all the traffic on it")
        self._act(f"unprovision {function} {colour}", lambda: self.warm.discard((function, colour)))

    def versions(self, function: str) -> tuple[str, ...]:
        return tuple(number for name, number in self.published.values() if name == function)

    def delete(self, function: str, version: str) -> bool:
        (release_id,) = (i for i, known in self.published.items() if known == (function, version))
        if version in (self.aliases.get((function, colour)) for colour in Colour):
            self.violations.append(f"version {version} of {function} was deleted, which an alias holds")
        self._act(f"delete {function} {version}", lambda: self.published.__delitem__(release_id))
        return True

    def deployment_id(self) -> str | None:
        return self.stage

    def has(self, deployment_id: str) -> bool | None:
        return deployment_id not in self.deployments_gone

    def deploy(self, deployment_id: str, *, keep: Callable[[], None]) -> None:
        keep()
        if deployment_id in self.deployments_gone:
            raise LookupError(f"no deployment {deployment_id}")
        self._act(f"stage {deployment_id}", lambda: setattr(self, "stage", deployment_id))

    def sample(self, colour: Colour, *, start: float, end: float, slow_ms: int) -> Sample:
        now = self.served_at.get((colour, self.weights[ROUTED[0]][colour]))
        return now or self.served.get(colour, Sample(requests=1000, faults=0, timed=1000, slow=0))

    def ask(self, colour: Colour, probe: Probe) -> Reply | None:
        self.asked += 1
        version = self.preview_version or self.version(probe.function, colour)
        return Reply(status=probe.status, colour=colour, version=version) if self.preview_answers else None

    def hold(self) -> str | None:
        return self.held

    def state(self) -> ReleaseState | None:
        return self.stored_state

    def save_state(self, state: ReleaseState) -> None:
        self._act("save state", lambda: setattr(self, "stored_state", ReleaseState.from_list(state.to_list())))

    def journal(self) -> Journal:
        return self.stored_journal

    def save_journal(self, journal: Journal) -> None:
        if not self._mine():
            raise Overtaken("no lease")
        self._act("save journal", lambda: setattr(self, "stored_journal", journal))

    def acquire(self, *, holder: str, command: str, until: float, instead_of: Lease | None) -> bool:
        if self.leases and not self._mine() and self.leases[0][1] != instead_of:
            return False
        if self.leases and not self._mine() and self.seconds - self.leased_at < LEASE_SECONDS - 1:
            self.violations.append(f"{command} took a lease that was renewed {self.seconds - self.leased_at:.0f} s ago")
        self.leased_at = self.seconds
        lease = Lease(holder=holder, command=command, until=until)
        self._act("lease", lambda: setattr(self, "leases", [(self.command, lease)]))
        return True

    def renew(self, *, until: float) -> bool:
        if not self._mine():
            return False
        self.leased_at = self.seconds
        self.leases = [(self.command, replace(self.leases[0][1], until=until))]
        return True

    def release(self) -> None:
        if self._mine():
            self._act("give the lease back", self.leases.clear)

    def lease(self) -> Lease | None:
        return self.leases[0][1] if self.leases else None

    def _mine(self) -> bool:
        return bool(self.leases) and self.leases[0][0] == self.command

    def add(self, entry: Entry) -> None:
        if entry.started_at not in {each.started_at for each in self.entries}:
            self._act("ledger entry", lambda: self.entries.append(entry))

    def history(self, limit: int) -> tuple[Entry, ...]:
        return tuple(sorted(self.entries, key=lambda each: each.started_at, reverse=True)[:limit])

    def watched(self) -> frozenset[str]:
        return self.alarm_names

    def firing(self) -> frozenset[str]:
        return frozenset(self.alarms_red) & self.alarm_names

    def silent(self) -> frozenset[str]:
        return frozenset(self.alarms_silent) & self.alarm_names

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self._survive("sleep")
        self.seconds += seconds
        for due in sorted(second for second in self.at_second if second <= self.seconds):
            self.at_second.pop(due)()

    def time(self) -> float:
        self.looks += 1
        return self.seconds + self.looks / 1000

    def pause(self, seconds: float) -> None:
        self.sleep(seconds)

    def tell(self, event: Event) -> None:
        self._survive("tell")
        self.told.append(event)

    # --- CodePipeline ---

    def approvals(self, execution: str, stage: str) -> tuple[Approval, ...]:
        return tuple(self.answers.get((execution, stage), ()))

    # --- CloudFormation ---

    def describe(self) -> tuple[StackView, ...]:
        views = tuple(
            StackView(name=name, status=self.statuses[name], outputs=self._outputs(name), reads_release_state=True)
            for name in (COMPUTE, API)
            if name in self.statuses
        )
        for name, status in self.statuses.items():
            if status == "UPDATE_IN_PROGRESS":
                self.statuses[name] = "UPDATE_COMPLETE"
        return views

    def _outputs(self, name: str) -> dict[str, str]:
        template = self.templates.get(name)
        if template is None:
            return {}
        if name == API:
            return {DEPLOYMENT_OUTPUT: template.deployment}
        return {
            **{release_version_output(f): self.published[template.release_ids[f]][1] for f in FUNCTIONS},
            **{provisioned_concurrency_output(f): "2" for f in ROUTED},
        }

    def start_sync(self, name: str, *, keep: Callable[[], None]) -> bool:
        keep()
        before = self.live()
        changed = False

        def update() -> None:
            nonlocal changed
            changed = bool(self._apply(name, self.templates[name]))
            if changed:
                self.statuses[name] = "UPDATE_IN_PROGRESS"

        self._act(f"sync {name}", update)
        if self.live() != before:
            self.violations.append(f"sync of {name} moved live traffic")
        return changed

    def failure(self, name: str) -> str:
        return f"{name}: no reason"

    def deployment(self, template: Push, *, fails_in: str | None = None) -> bool:
        """Deploy compute, then api, as the pipeline does after a freeze."""
        first = not self.weights
        before = self.live()
        self.deployments_gone.discard(template.deployment)
        done = all(self._update(name, template, fails=name == fails_in) for name in (COMPUTE, API))
        if first and done:
            self.approved.append(self.live_release())
        elif not first and self.live() != before:
            self.violations.append(f"deployment (failing in {fails_in}) moved live traffic")
        self._judge("deployment")
        return done

    def _update(self, name: str, template: Push, *, fails: bool) -> bool:
        existed, old_template = name in self.templates, self.templates.get(name)
        made = self._publish(template) if name == COMPUTE else []
        old = dict(self.applied.get(name, {}))
        self.templates[name] = template
        changed = self._apply(name, template, stop_early=fails)
        if not fails:
            self.statuses[name] = "UPDATE_COMPLETE" if existed else "CREATE_COMPLETE"
            return True
        for key in changed:
            if key in old:
                self._write(key, old[key])
        self.applied[name] = old
        # Versions are kept on update and delete, but not when the update that made them is undone.
        for release_id in made:
            del self.published[release_id]
        if existed and old_template:
            self.templates[name] = old_template
            self.statuses[name] = "UPDATE_ROLLBACK_COMPLETE"
        else:
            del self.templates[name]
            self._forget(name)
            self.statuses[name] = "ROLLBACK_COMPLETE"
        return False

    def _publish(self, template: Push) -> list[str]:
        made = [i for i in template.release_ids.values() if i not in self.published]
        for name, release_id in template.release_ids.items():
            if release_id in made:
                self.counter += 1
                self.published[release_id] = (name, str(self.counter))
        return made

    def _apply(self, name: str, template: Push, *, stop_early: bool = False) -> list[Property]:
        changed = []
        values = self._resolve(name, template)
        keys = sorted(values)
        if stop_early:
            keys = keys[: self.random.randint(0, len(keys))]
        for key in keys:
            if self.applied.setdefault(name, {}).get(key) != values[key]:
                self.applied[name][key] = values[key]
                self._write(key, values[key])
                changed.append(key)
        return changed

    def _resolve(self, name: str, template: Push) -> dict[Property, str]:
        """What the conditions of the template make of the stored state."""
        state = self.stored_state
        assert state is not None, "a deployment without a freeze"
        same = all(state.functions[f].release_id == template.release_ids[f] for f in FUNCTIONS)
        if name == API:
            values: dict[Property, str] = {("weight", f): state.live_colour.value for f in ROUTED}
            values["stage",] = state.deployment_id or template.deployment
            return values
        return {
            ("alias", f, colour.value): self._alias_value(state, template, f, colour, same=same)
            for f in FUNCTIONS
            for colour in Colour
        }

    def _alias_value(self, state: ReleaseState, template: Push, name: str, colour: Colour, *, same: bool) -> str:
        recorded = state.functions[name].version(colour)
        if recorded is not None and (colour is state.live_colour or same):
            return recorded
        return self.published[template.release_ids[name]][1]

    def _write(self, key: Property, value: str) -> None:
        match key:
            case ("weight", name):
                live = Colour(value)
                self.weights[name] = {live: 100, live.other: 0}
            case ("stage",):
                self.stage = value
            case ("alias", name, colour):
                self.aliases[name, Colour(colour)] = value

    def _forget(self, name: str) -> None:
        self.applied.pop(name, None)
        self.warm.clear()
        if name == API:
            self.weights, self.stage = {}, None
        else:
            self.aliases = {}

    # --- the judge ---

    def live(self) -> dict[str, object]:
        """Everything that a payment could notice."""
        colours = {c for shares in self.weights.values() for c, weight in shares.items() if weight}
        return {
            "weights": {name: dict(shares) for name, shares in self.weights.items()},
            "versions": {(f, c): v for (f, c), v in self.aliases.items() if c in colours},
            "stage": self.stage if self.weights else None,
        }

    def live_colour(self) -> Colour:
        """The colour with most of the traffic."""
        return max(Colour, key=lambda colour: sum(shares[colour] for shares in self.weights.values()))

    def live_release(self) -> Release:
        (colour,) = {c for shares in self.weights.values() for c, weight in shares.items() if weight}
        return Release(versions={f: self.aliases.get((f, colour)) for f in FUNCTIONS}, deployment_id=self.stage)

    def _judge(self, after: str) -> None:
        if not self.weights or not self.approved:
            return
        allowed = {(f, v) for release in self.approved for f, v in release.versions.items()}
        versions = cast("dict[tuple[str, Colour], str]", self.live()["versions"])
        for (name, colour), version in versions.items():
            if (name, version) not in allowed:
                self.violations.append(f"{after}: unapproved {name} {version} is live on {colour}")
        if self.stage not in {release.deployment_id for release in self.approved}:
            self.violations.append(f"{after}: unapproved deployment {self.stage} is live")

    # --- commands ---

    def environment(self) -> Environment:
        return Environment(
            suffix=SUFFIX,
            router=self,
            functions=self,
            api_stage=self,
            stacks=self,
            alarms=self,
            metrics=self,
            preview=self,
            store=self,
            ledger=self,
            events=self,
            clock=self,
            refresh=lambda: None,
            progress=self.lines.append,
            by="somebody",
        )

    def run(self, command: str, **arguments: str | bool | None) -> Outcome:
        """Run a command as the CLI does, with everything but the process around it."""
        self.command += 1
        options: dict[str, Any] = {"commit": None, "approved_by": None, "approved_in": None, **arguments}
        run, _ = COMMANDS[command]
        return run(
            Context(
                session=cast("Any", None),
                environment=self.environment(),
                history=self,
                arguments=Namespace(**options),
            )
        )

    def approve(self) -> None:
        """A person approves what was deployed last."""
        outputs = {**self._outputs(COMPUTE), **self._outputs(API)}
        self.approved.append(
            Release(
                versions={f: outputs[release_version_output(f)] for f in FUNCTIONS},
                deployment_id=outputs[DEPLOYMENT_OUTPUT],
            )
        )

    def ship(self, template: Push) -> Outcome:
        """The whole way of an approved push: freeze, deploy, approve, shift."""
        self.run("freeze")
        assert self.deployment(template)
        self.approve()
        return self.run("shift", approved_by="somebody")


def refused(world: World, command: str, **arguments: str | bool | None) -> str:
    """The reason for which the command refuses."""
    try:
        outcome = world.run(command, **arguments)
    except Refused as reason:
        return str(reason)
    raise AssertionError(f"{command} was not refused: {outcome}")


def somebody_else(world: World, *, clock_ahead: float = 0) -> None:
    """Another command, which is alive: it renews its lease."""

    def renew() -> None:
        world.leases = [(-1, Lease(holder="a build", command="shift", until=world.seconds + clock_ahead + 20))]
        world.at_second[int(world.seconds) + 5] = renew

    renew()
