"""Put right what a killed command left behind. Every other command begins with it."""

from dataclasses import dataclass

from release.decisions import Diagnosis, FinishRollback, FinishShift, Healthy, Refuse, Restore, diagnose
from release.errors import Refused
from release.model import Journal, Operation, Result
from release.observe import begin, close
from release.ports import Environment
from release.rollback import Undone, finish_rollback
from release.shift import shifted
from release.traffic import restore


@dataclass(frozen=True, kw_only=True)
class Healed:
    """What was put right. `went_back`: traffic is on the release from before the killed command;
    `undone`: the killed command was a rollback, and what it was to leave is live again."""

    message: str
    went_back: bool
    undone: bool = False


def is_sound(environment: Environment) -> bool:
    """Whether no command left anything half done."""
    return isinstance(_diagnosis(environment, environment.ledger.journal()), Healthy)


def heal(environment: Environment) -> Healed | None:
    """Return what was put right; None when nothing had to be. Raises `Refused`."""
    journal = environment.ledger.journal()
    match _diagnosis(environment, journal):
        case Healthy():
            return None
        case Refuse(reason):
            raise Refused(reason)
        case FinishShift():
            close(environment, journal, shifted(journal), result=Result.DONE, reason="all steps were done")
            return Healed(message="the last shift had come to its end; the ledger says so now", went_back=False)
        case FinishRollback():
            environment.progress("a rollback did not come to its end: finishing it")
            try:
                colour = finish_rollback(environment, journal)
            except Undone as reason:
                return Healed(message=str(reason), went_back=False, undone=True)
            return Healed(message=f"the unfinished rollback is finished: all traffic is on {colour}", went_back=True)
        case Restore(state, because):
            environment.progress(f"{because}: back to {state.live_colour}")
            if journal.operation is None:
                journal = begin(environment, Operation.HEAL, state, journal.live)
            restore(environment, state)
            close(environment, journal, journal.at_rest(), result=Result.HEALED, reason=because)
            return Healed(message=f"all traffic is back on {state.live_colour}: {because}", went_back=True)


def _diagnosis(environment: Environment, journal: Journal) -> Diagnosis:
    return diagnose(environment.router.rules(), environment.store.state(), journal)
