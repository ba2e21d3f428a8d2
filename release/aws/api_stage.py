"""The live stage of the REST API."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from release.errors import ReleaseError
from release.names import LIVE_STAGE

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient


class LiveStage:
    """`api_id` answers None as long as there is no API."""

    def __init__(self, client: "APIGatewayClient", api_id: Callable[[], str | None]) -> None:
        self._client = client
        self._api_id = api_id

    def deployment_id(self) -> str | None:
        api_id = self._api_id()
        if api_id is None:
            return None
        try:
            answer = self._client.get_stage(restApiId=api_id, stageName=LIVE_STAGE)
        except self._client.exceptions.NotFoundException:
            return None
        return answer["deploymentId"]

    def has(self, deployment_id: str) -> bool | None:
        api_id = self._api_id()
        if api_id is None:
            return False
        try:
            self._client.get_deployment(restApiId=api_id, deploymentId=deployment_id)
        except self._client.exceptions.NotFoundException:
            return False
        except ClientError as error:
            # An access stack from before the role was allowed to: those are deployed by hand, and later than this.
            if error.response["Error"]["Code"] == "AccessDeniedException":
                return None
            raise
        return True

    def deploy(self, deployment_id: str, *, keep: Callable[[], None]) -> None:
        api_id = self._api_id()
        if api_id is None:
            raise ReleaseError("there is no API whose stage could be moved")
        keep()
        self._client.update_stage(
            restApiId=api_id,
            stageName=LIVE_STAGE,
            patchOperations=[{"op": "replace", "path": "/deploymentId", "value": deployment_id}],
        )
