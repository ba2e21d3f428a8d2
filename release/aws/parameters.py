"""The release state in Parameter Store, where templates read it."""

from typing import TYPE_CHECKING

from release.layout import ReleaseState
from release.names import release_hold_parameter, release_state_parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class ParameterStore:
    def __init__(self, client: "SSMClient", suffix: str) -> None:
        self._client = client
        self._state = release_state_parameter(suffix)
        self._hold = release_hold_parameter(suffix)

    def state(self) -> ReleaseState | None:
        value = self._get(self._state)
        return None if value is None else ReleaseState.from_list(value.split(","))

    def save_state(self, state: ReleaseState) -> None:
        self._client.put_parameter(Name=self._state, Type="StringList", Value=",".join(state.to_list()), Overwrite=True)

    def hold(self) -> str | None:
        return self._get(self._hold)

    def _get(self, name: str) -> str | None:
        try:
            return self._client.get_parameter(Name=name)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound:
            return None
