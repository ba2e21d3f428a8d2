"""What each command does: look whether it may, heal what a killed one left, then its own work."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from release import migration, names, outputs
from release.approval import approver
from release.aws.session import CLIENT_CONFIG
from release.aws.templates import deployed_templates, synthesized_templates
from release.errors import Busy, Exit
from release.freeze import freeze
from release.guard import losses, not_intended
from release.heal import heal, is_sound
from release.lease import kept_meanwhile, leased
from release.observe import deployed_release, observe, stacks_at_rest
from release.plans import plan_for
from release.ports import Environment, History
from release.rollback import rollback
from release.shift import Request, is_released, shift
from release.status import as_text, status
from release.verify import findings
from release.warmth import cool, wanted_concurrency, warm_until

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended: for the pipeline, for a person, for a program."""

    exit: Exit
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Context:
    session: "boto3.Session"
    environment: Environment
    history: History
    arguments: Namespace


def freeze_command(context: Context) -> Outcome:
    with leased(context.environment, "freeze") as environment:
        stacks = stacks_at_rest(environment)
        heal(environment)
        state = freeze(environment, stacks, context.arguments.commit)
    words = (
        f"{state.live_colour} is live and recorded"
        if state.has_history
        else "nothing is live yet, and that is recorded"
    )
    return Outcome(exit=Exit.DONE, message=words, details={"state": state.to_list()})


def shift_command(context: Context) -> Outcome:
    asked = vars(context.arguments)
    request = Request(**{each.name: asked[each.name] for each in fields(Request) if each.name in asked})
    plan = plan_for(context.environment.suffix).at_speed(context.environment.clock.factor)
    with leased(context.environment, "shift") as environment:
        stacks = stacks_at_rest(environment)
        heal(environment)
        deployed = deployed_release(environment.suffix, stacks)
        # Of what has its line already nobody asks who approved it: that may be too long ago to be read.
        if (execution := context.arguments.approved_in) is not None and not is_released(environment, deployed):
            stage = names.pipeline_stage(environment.suffix)
            asked_in = context.history.approvals(execution, stage)
            request = replace(request, approved_by=approver(asked_in, execution=execution, stage=stage))
        code, message = shift(
            environment,
            plan.expecting_silence() if request.despite_silence else plan,
            deployed,
            request=request,
            wanted=wanted_concurrency(stacks),
        )
    return Outcome(exit=code, message=message)


def rollback_command(context: Context) -> Outcome:
    with leased(context.environment, "rollback") as environment:
        stacks_at_rest(environment)
        # A shift or a rollback that was killed half-way is what the caller wants undone: not the release before it.
        healed = heal(environment)
        if healed and healed.went_back:
            return Outcome(exit=Exit.DONE, message=healed.message)
        code, message = rollback(environment)
    return Outcome(exit=code, message=message)


def cool_command(context: Context) -> Outcome:
    """Waits without the lease: a rollback goes first, and finds the old colour warm."""
    environment = context.environment
    until = warm_until(environment, plan_for(environment.suffix).warm_seconds)
    if until is not None and (left := until - environment.clock.time()) > 0:
        environment.progress(f"the old colour stays warm for {left:.0f} s more")
        environment.clock.pause(left)
    try:
        with leased(environment, "cool") as environment:
            live = observe(environment).live_colour
            cooled = cool(environment, live.other) if live and is_sound(environment) else ()
    except Busy as busy:
        return Outcome(exit=Exit.NOTHING_TO_DO, message=f"the old colour may be needed: {busy}")
    if not cooled:
        return Outcome(exit=Exit.NOTHING_TO_DO, message="no idle colour has provisioned concurrency")
    return Outcome(exit=Exit.DONE, message=f"{', '.join(cooled)} of the idle colour have none any more")


def heal_command(context: Context) -> Outcome:
    """A sound environment needs nothing, even while a stack is being changed; and whoever is at work has healed it."""
    try:
        with leased(context.environment, "heal") as environment:
            if is_sound(environment):
                return Outcome(exit=Exit.NOTHING_TO_DO, message="nothing is half done")
            stacks_at_rest(environment)
            healed = heal(environment)
    except Busy as busy:
        return Outcome(exit=Exit.NOTHING_TO_DO, message=f"it began with healing: {busy}")
    if healed is None:
        return Outcome(exit=Exit.NOTHING_TO_DO, message="nothing is half done")
    return Outcome(exit=Exit.FAILED if healed.undone else Exit.DONE, message=healed.message)


def verify_command(context: Context) -> Outcome:
    environment = context.environment
    found = findings(observe(environment), environment.store.state(), environment.ledger.journal())
    if found:
        return Outcome(exit=Exit.FAILED, message="\n".join(found), details={"findings": found})
    return Outcome(exit=Exit.DONE, message="weights, aliases and live stage are as recorded", details={"findings": []})


def status_command(context: Context) -> Outcome:
    seen = status(context.environment)
    return Outcome(exit=Exit.DONE, message=as_text(seen), details=dict(seen))


def outputs_command(context: Context) -> Outcome:
    environment = context.environment
    flat = outputs.flat_outputs(environment.suffix, environment.stacks.describe())
    path = outputs.write(flat, Path(context.arguments.directory))
    return Outcome(exit=Exit.DONE, message=f"{len(flat)} outputs are in {path}", details=flat)


def migrate_command(context: Context) -> Outcome:
    with leased(context.environment, "migrate") as environment, kept_meanwhile(environment):
        applied = migration.migrate(context.session, environment.suffix)
    words = f"applied {', '.join(applied)}" if applied else "the schema is up to date"
    return Outcome(exit=Exit.DONE, message=words, details={"applied": applied})


def guard_command(context: Context) -> Outcome:
    suffix, arguments = context.environment.suffix, context.arguments
    deployed = deployed_templates(context.session.client("cloudformation", config=CLIENT_CONFIG), suffix)
    found = losses(deployed, synthesized_templates(Path(arguments.assembly), suffix))
    refused = not_intended(found, Path(arguments.intended).read_text())
    details = {"losses": [str(loss) for loss in found], "refused": [loss.name for loss in refused]}
    if refused:
        words = "\n  ".join(["this deployment would destroy data:", *map(str, refused)])
        return Outcome(
            exit=Exit.REFUSED, message=f"{words}\n  list it in {arguments.intended} if so intended", details=details
        )
    words = f"{len(found)} intended losses of data" if found else "nothing that holds data is replaced or deleted"
    return Outcome(exit=Exit.DONE, message=words, details=details)


COMMANDS: Final[Mapping[str, tuple[Callable[[Context], Outcome], str]]] = {
    "guard": (guard_command, "refuse a deployment that would replace or delete what holds data"),
    "freeze": (freeze_command, "record what is live, before a deployment"),
    "migrate": (migrate_command, "bring the database schema up to date"),
    "shift": (shift_command, "move live traffic to what was deployed last"),
    "rollback": (rollback_command, "return to the release before the live one, at once"),
    "cool": (cool_command, "take provisioned concurrency off the old colour when its warm window is over"),
    "heal": (heal_command, "put right what a killed command left behind"),
    "verify": (verify_command, "check that what is live is what is recorded"),
    "status": (status_command, "show colours, weights, versions and what is wrong"),
    "outputs": (outputs_command, "write the stacks' outputs to one flat JSON file"),
}
