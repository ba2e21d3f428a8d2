"""Return to the release before the live one: its versions, its API deployment, all traffic at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from release.errors import Exit, Interrupted, NotApplied, Overtaken, Refused, ReleaseError
from release.layout import ReleaseState
from release.model import ALL_TRAFFIC, Journal, Operation, Result, live_release
from release.names import Colour
from release.observe import begin, close, note_weight, observe
from release.ports import Environment
from release.traffic import move_stage, point_aliases, restore, set_weight
from release.warmth import AT_ONCE_SECONDS, Wanted, follow_traffic, wanted_concurrency, warm


class Undone(ReleaseError):
    """The rollback failed, and what was live before it is live again."""


def rollback(environment: Environment) -> tuple[Exit, str]:
    """Go back to the recorded previous release. A second rollback finds nothing to go back to: it never
    swings forward again. The caller has healed the environment. Raises `Refused` where that release does not exist any
    more, `Undone`."""
    journal = environment.ledger.journal()
    observed = observe(environment)
    if journal.previous is None or not observed.exists:
        return Exit.NOTHING_TO_DO, "no release before the live one is recorded"
    if live_release(journal.previous) == live_release(observed.state()):
        environment.ledger.save_journal(journal.rolled_back())
        return Exit.NOTHING_TO_DO, "the previous release is live already"
    if gone := _gone(environment, journal.previous):
        raise Refused(f"the release before the live one does not exist any more: {', '.join(gone)}")
    begun = begin(environment, Operation.ROLLBACK, observed.state(), journal.previous_from)
    colour = finish_rollback(environment, begun)
    previous = live_release(journal.previous)
    versions = ", ".join(f"{name} {version}" for name, version in previous.versions.items())
    return Exit.DONE, f"all traffic is on {colour}: {versions}; API deployment {previous.deployment_id}"


def finish_rollback(environment: Environment, journal: Journal) -> Colour:
    """Do what is left of the rollback that the journal describes; return the colour that is live now. Raises
    `Undone`."""
    previous, origin = journal.previous, journal.origin
    if previous is None or origin is None:
        raise NotApplied("the journal of the rollback names no release")
    colour = _colour_for(origin, previous)
    wanted = wanted_concurrency(environment.stacks.describe())
    if not _is_live(environment, previous):
        try:
            _return_to(environment, previous, colour, wanted)
        except (Overtaken, Interrupted):
            raise
        except Exception as error:
            if not _is_live(environment, previous):
                _undo(environment, origin, error)
                words = f"the rollback failed, all traffic is on {origin.live_colour} as before: {error}"
                raise Undone(words) from error
            environment.progress(f"the previous release is live in spite of: {error}")
    # From here on it is live: what fails now is left to whoever heals, and undoes nothing.
    if not journal.weights:
        note_weight(environment, ALL_TRAFFIC)
    environment.keep()
    environment.store.save_state(observe(environment).state())
    noted = environment.ledger.journal()
    close(environment, noted, noted.rolled_back(), result=Result.DONE, reason=f"all traffic is on {colour}")
    with _optional(environment):
        follow_traffic(environment, colour, wanted)
    return colour


def _is_live(environment: Environment, previous: ReleaseState) -> bool:
    observed, wanted = observe(environment), live_release(previous)
    live = observed.live_colour
    return (
        live is not None
        and all(version in (None, observed.versions[live][name]) for name, version in wanted.versions.items())
        and wanted.deployment_id in (None, observed.deployment_id)
    )


def _undo(environment: Environment, origin: ReleaseState, error: Exception) -> None:
    """Left half done it would be in everybody's way: who heals would try the same again, and fail again."""
    environment.progress(f"the rollback failed, returning to what was live before it: {error}")
    restore(environment, origin)
    if environment.store.state() != origin:
        environment.keep()
        environment.store.save_state(origin)
    failed = environment.ledger.journal()
    words = f"undone, all traffic is on {origin.live_colour} as before: {type(error).__name__}"
    close(environment, failed, failed.at_rest(), result=Result.FAILED, reason=words)


@contextmanager
def _optional(environment: Environment) -> Iterator[None]:
    """A cold release that is good is better than a warm one that is not."""
    try:
        yield
    except (Overtaken, Interrupted):
        raise
    except Exception as error:
        environment.progress(f"going on without provisioned concurrency: {error}")


def _return_to(environment: Environment, previous: ReleaseState, colour: Colour, wanted: Wanted) -> None:
    point_aliases(environment, colour, previous)
    # Within the warm window it is ready already. After it, better a little late than cold under all traffic.
    with _optional(environment):
        if late := warm(environment, colour, wanted, within_seconds=AT_ONCE_SECONDS):
            environment.progress(f"not waiting any longer for provisioned concurrency of {', '.join(late)}")
    environment.progress(f"aliases {colour} hold the previous versions; moving all traffic there")
    set_weight(environment, colour, ALL_TRAFFIC)
    move_stage(environment, previous.deployment_id)


def _gone(environment: Environment, state: ReleaseState) -> list[str]:
    """What a return to `state` would need and AWS does not have any more."""
    release = live_release(state)
    gone = [
        f"version {version} of {name}"
        for name, version in release.versions.items()
        if version is not None and version not in environment.functions.versions(name)
    ]
    if release.deployment_id is not None:
        match environment.api_stage.has(release.deployment_id):
            case False:
                gone.append(f"API deployment {release.deployment_id}")
            case None:
                environment.progress("whether the API deployment still exists may not be read: deploy the access stack")
    return gone


def _colour_for(origin: ReleaseState, previous: ReleaseState) -> Colour:
    """The side that the previous release goes to: where it is live already, or the idle one."""
    if origin.versions(origin.live_colour) == previous.versions(previous.live_colour):
        return origin.live_colour
    return origin.live_colour.other
