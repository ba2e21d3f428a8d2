"""Release state and journal in Parameter Store."""

import json
from typing import TYPE_CHECKING, Any

from release.layout import MalformedState, ReleaseState
from release.model import Journal, Operation
from release.names import release_journal_parameter, release_state_parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class ParameterStore:
    def __init__(self, client: "SSMClient", suffix: str) -> None:
        self._client = client
        self._state = release_state_parameter(suffix)
        self._journal = release_journal_parameter(suffix)

    def state(self) -> ReleaseState | None:
        value = self._get(self._state)
        return None if value is None else ReleaseState.from_list(value.split(","))

    def save_state(self, state: ReleaseState) -> None:
        self._client.put_parameter(Name=self._state, Type="StringList", Value=",".join(state.to_list()), Overwrite=True)

    def journal(self) -> Journal:
        value = self._get(self._journal)
        return Journal() if value is None else journal_from_json(value)

    def save_journal(self, journal: Journal) -> None:
        self._client.put_parameter(Name=self._journal, Type="String", Value=journal_to_json(journal), Overwrite=True)

    def _get(self, name: str) -> str | None:
        try:
            return self._client.get_parameter(Name=name)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound:
            return None


def journal_to_json(journal: Journal) -> str:
    return json.dumps(
        {
            "operation": journal.operation,
            "origin": journal.origin and journal.origin.to_list(),
            "previous": journal.previous and journal.previous.to_list(),
            "commit": journal.commit,
            "approved_by": journal.approved_by,
            "frozen_for": journal.frozen_for,
        },
        separators=(",", ":"),
    )


def journal_from_json(text: str) -> Journal:
    """Raises `MalformedState`: a journal that cannot be read is no reason to guess."""
    try:
        stored: dict[str, Any] = json.loads(text)
        operation, origin, previous = stored["operation"], stored["origin"], stored["previous"]
        return Journal(
            operation=operation and Operation(operation),
            origin=origin and ReleaseState.from_list(origin),
            previous=previous and ReleaseState.from_list(previous),
            commit=stored["commit"],
            approved_by=stored["approved_by"],
            frozen_for=stored["frozen_for"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedState(f"the release journal cannot be read: {error}") from error
