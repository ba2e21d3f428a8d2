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

    def provisioned(self, name: str, colour: Colour) -> str | None:
        try:
            answer = self._client.get_provisioned_concurrency_config(
                FunctionName=function(self._suffix, name), Qualifier=colour.value
            )
        except (
            self._client.exceptions.ProvisionedConcurrencyConfigNotFoundException,
            self._client.exceptions.ResourceNotFoundException,
        ):
            return None
        return answer["Status"]

    def provision(self, name: str, colour: Colour, environments: int) -> None:
        self._client.put_provisioned_concurrency_config(
            FunctionName=function(self._suffix, name),
            Qualifier=colour.value,
            ProvisionedConcurrentExecutions=environments,
        )

    def unprovision(self, name: str, colour: Colour) -> None:
        self._client.delete_provisioned_concurrency_config(
            FunctionName=function(self._suffix, name), Qualifier=colour.value
        )

    def versions(self, name: str) -> tuple[str, ...]:
        found: list[str] = []
        try:
            pages = self._client.get_paginator("list_versions_by_function").paginate(
                FunctionName=function(self._suffix, name)
            )
            for page in pages:
                found += [each["Version"] for each in page["Versions"] if each["Version"] != "$LATEST"]
        except self._client.exceptions.ResourceNotFoundException:
            return ()
        return tuple(found)

    def delete(self, name: str, version: str) -> bool:
        try:
            self._client.delete_function(FunctionName=function(self._suffix, name), Qualifier=version)
        except self._client.exceptions.ResourceConflictException:
            return False
        return True

    def point(self, name: str, colour: Colour, version: str) -> None:
        self._client.update_alias(FunctionName=function(self._suffix, name), Name=colour.value, FunctionVersion=version)
