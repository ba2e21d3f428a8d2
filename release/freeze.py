"""Before a deployment: write down what is live, and let CloudFormation know it."""

from dataclasses import replace

from release.decisions import UPDATABLE
from release.errors import Refused, ReleaseError
from release.events import Decision, tell
from release.layout import ReleaseState
from release.model import Journal, Provenance, StackView
from release.names import stack
from release.observe import observe, record
from release.ports import Environment
from release.prune import prune
from release.warmth import cool

_POLL_SECONDS = 5.0
# The build that waits ends after an hour: by then it has to say which stack it waited for.
_DEADLINE_SECONDS = 3000.0


def freeze(environment: Environment, stacks: tuple[StackView, ...], commit: str | None) -> ReleaseState:
    """Record what is live and sync every stack that reads it. The caller has healed the environment."""
    observed = observe(environment)
    if observed.exists:
        state = observed.state()
        journal = record(environment, state)
    else:
        _refuse_to_forget(environment, stacks)
        state, journal = ReleaseState(), Journal()
        environment.ledger.save_journal(journal)
        environment.keep()
        environment.store.save_state(state)
    if journal.frozen_for != commit:
        environment.ledger.save_journal(replace(journal, frozen_for=commit))
    words = ",".join(state.to_list())
    tell(environment, Decision.FROZEN, words, command="freeze", journal=Journal(asked=Provenance(commit=commit)))
    environment.progress(f"release state: {words}")
    if cooled := cool(environment, state.live_colour.other) if observed.exists else ():
        environment.progress(f"{state.live_colour.other}: no provisioned concurrency any more for {', '.join(cooled)}")
    for view in stacks:
        if view.reads_release_state and view.status in UPDATABLE:
            _sync(environment, view.name)
    prune(environment, stacks)
    return state


def _refuse_to_forget(environment: Environment, stacks: tuple[StackView, ...]) -> None:
    """An API stack that stands has routed rules. Not seeing them is no reason to say that nothing is live."""
    standing = {view.name for view in stacks if view.status in UPDATABLE}
    if stack(environment.suffix, "api") in standing:
        raise Refused("the API stack stands, but none of its routed listener rules can be found")


def _sync(environment: Environment, name: str) -> None:
    """Make CloudFormation's last-applied values equal to reality: a deployment that fails would otherwise
    bring back the weights from before the last shift. Raises `ReleaseError`."""
    if not environment.stacks.start_sync(name, keep=environment.keep):
        environment.progress(f"{name}: in step already")
        return
    environment.progress(f"{name}: bringing CloudFormation in step with what is live")
    deadline = environment.clock.now() + _DEADLINE_SECONDS
    while environment.clock.now() < deadline:
        status = next((view.status for view in environment.stacks.describe() if view.name == name), "deleted")
        if not status.endswith("_IN_PROGRESS"):
            if status != "UPDATE_COMPLETE":
                raise ReleaseError(f"sync of {name} ended in {status}: {environment.stacks.failure(name)}")
            return
        environment.wait(_POLL_SECONDS)
    raise ReleaseError(f"sync of {name} took longer than {_DEADLINE_SECONDS:.0f} seconds")
