"""Journal and ledger entries as text. What cannot be read is no reason to guess: `MalformedState`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from release.layout import MalformedState, ReleaseState
from release.model import Entry, Journal, Operation, Provenance, Result, WeightSet


def journal_to_json(journal: Journal) -> str:
    return _text(
        {
            "operation": journal.operation,
            "origin": _cells(journal.origin),
            "asked": _from(journal.asked),
            "by": journal.by,
            "started_at": journal.started_at,
            "weights": _weights(journal.weights),
            "exception": journal.exception,
            "live": _from(journal.live),
            "previous": _cells(journal.previous),
            "previous_from": _from(journal.previous_from),
            "frozen_for": journal.frozen_for,
        }
    )


def journal_from_json(text: str) -> Journal:
    try:
        stored: dict[str, Any] = json.loads(text)
        operation = stored["operation"]
        return Journal(
            operation=None if operation is None else Operation(operation),
            origin=_state(stored["origin"]),
            asked=Provenance(**stored["asked"]),
            by=stored["by"],
            started_at=stored["started_at"],
            weights=_weights_from(stored["weights"]),
            # Journals written before there was any have none.
            exception=stored.get("exception"),
            live=Provenance(**stored["live"]),
            previous=_state(stored["previous"]),
            previous_from=Provenance(**stored["previous_from"]),
            frozen_for=stored["frozen_for"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedState(f"the release journal cannot be read: {error}") from error


def entry_to_json(entry: Entry) -> str:
    return _text(entry_as_data(entry))


def entry_as_data(entry: Entry) -> dict[str, Any]:
    """The entry in JSON's types."""
    return {
        "command": entry.command,
        "result": entry.result,
        "reason": entry.reason,
        "started_at": entry.started_at,
        "ended_at": entry.ended_at,
        "by": entry.by,
        "commit": entry.commit,
        "approved_by": entry.approved_by,
        "weights": _weights(entry.weights),
        "before": _cells(entry.before),
        "after": _cells(entry.after),
        "exception": entry.exception,
    }


def entry_from_json(text: str) -> Entry:
    try:
        stored: dict[str, Any] = json.loads(text)
        converted = {
            "result": Result(stored["result"]),
            "weights": _weights_from(stored["weights"]),
            "before": _state(stored["before"]),
            "after": _state(stored["after"]),
        }
        return Entry(**{**stored, **converted})
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedState(f"a ledger entry cannot be read: {error}") from error


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))


def _cells(state: ReleaseState | None) -> list[str] | None:
    return None if state is None else state.to_list()


def _state(cells: Sequence[str] | None) -> ReleaseState | None:
    return None if cells is None else ReleaseState.from_list(cells)


def _from(provenance: Provenance) -> dict[str, str | None]:
    return {"commit": provenance.commit, "approved_by": provenance.approved_by}


def _weights(weights: Sequence[WeightSet]) -> list[dict[str, Any]]:
    return [{"at": each.at, "weight_percent": each.weight_percent} for each in weights]


def _weights_from(stored: Sequence[Mapping[str, Any]]) -> tuple[WeightSet, ...]:
    return tuple(WeightSet(**each) for each in stored)
