"""Coloured aliases of the functions."""

from typing import TYPE_CHECKING

from release.names import Colour, function

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Aliases:
    def __init__(self, client: "LambdaClient", suffix: str) -> None:
        self._client = client
        self._suffix = suffix

    def version(self, name: str, colour: Colour) -> str | None:
        try:
            answer = self._client.get_alias(FunctionName=function(self._suffix, name), Name=colour.value)
        except self._client.exceptions.ResourceNotFoundException:
            return None
        return answer["FunctionVersion"]

    def release_id(self, name: str, version: str) -> str | None:
        """The template writes the release id into the version's description."""
        answer = self._client.get_function_configuration(FunctionName=function(self._suffix, name), Qualifier=version)
        return answer.get("Description") or None

    def point(self, name: str, colour: Colour, version: str) -> None:
        self._client.update_alias(FunctionName=function(self._suffix, name), Name=colour.value, FunctionVersion=version)
