"""Signed requests to the preview stages, as the environment's test role, which alone may call them."""

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import HTTPClientError
from botocore.httpsession import URLLib3Session

from release.aws.session import assume
from release.errors import ReleaseError
from release.names import Colour, integration_test_role
from release.preview import Probe, Reply

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import Credentials

_SECONDS = 15


class PreviewStages:
    """`AWS_ENDPOINT_URL_EXECUTE_API` names another place to send to, as it does for the AWS SDKs: requests are signed
    for the real host and carry its name."""

    def __init__(self, session: "boto3.Session", suffix: str, output: Callable[[str], str | None]) -> None:
        self._session, self._suffix, self._output = session, suffix, output
        self._http = URLLib3Session(timeout=_SECONDS)
        self._credentials: Credentials | None = None

    def ask(self, colour: Colour, probe: Probe) -> Reply | None:
        """None when nothing answers at all. Raises `ReleaseError` where there is no such stage."""
        base = self._output(f"Preview{colour.capitalize()}Url")
        if base is None:
            raise ReleaseError(f"the stacks of {self._suffix} name no preview stage of {colour}")
        headers = {"Idempotency-Key": str(uuid4())} | ({"Content-Type": "application/json"} if probe.body else {})
        request = AWSRequest(
            method=probe.method,
            url=base.rstrip("/") + probe.path,
            data=json.dumps(probe.body) if probe.body else None,
            headers=headers,
        )
        SigV4Auth(self._tester().get_frozen_credentials(), "execute-api", self._session.region_name).add_auth(request)
        try:
            answer = self._http.send(_sent_to_endpoint(request).prepare())
        except HTTPClientError:
            return None
        return Reply(
            status=answer.status_code,
            colour=answer.headers.get("x-release-color"),
            version=answer.headers.get("x-release-version"),
        )

    def _tester(self) -> "Credentials":
        if self._credentials is None:
            account = self._session.client("sts").get_caller_identity()["Account"]
            role = f"arn:aws:iam::{account}:role/{integration_test_role(self._suffix)}"
            self._credentials = assume(self._session, role, purpose="preview").get_credentials()
        if self._credentials is None:
            raise ReleaseError("the test role's session has no credentials")
        return self._credentials


def _sent_to_endpoint(request: AWSRequest) -> AWSRequest:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EXECUTE_API")
    if endpoint:
        asked = urlsplit(str(request.url))
        request.headers["Host"] = asked.netloc
        request.url = endpoint.rstrip("/") + asked.path
    return request
