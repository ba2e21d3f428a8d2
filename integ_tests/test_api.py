"""The REST API's stages, and who may call it."""

import uuid

import boto3
import pytest

from integ_tests.client import Body, PaymentClient
from integ_tests.environment import Deployed
from release import names
from release.names import Colour


@pytest.mark.parametrize("colour", Colour)
def test_the_preview_stages_show_what_was_deployed(session: boto3.Session, deployed: Deployed, colour: Colour) -> None:
    stage = session.client("apigateway").get_stage(restApiId=deployed["ApiId"], stageName=names.preview_stage(colour))
    assert stage["deploymentId"] == deployed["ApiDeploymentId"]
    assert stage["variables"] == {"releaseColor": colour.value}


def test_the_live_stage_names_no_colour_and_is_pinned(session: boto3.Session, deployed: Deployed) -> None:
    stage = session.client("apigateway").get_stage(restApiId=deployed["ApiId"], stageName=names.LIVE_STAGE)
    assert stage["variables"] == {"releaseColor": "none"}
    assert stage["deploymentId"]


def test_the_outputs_lead_to_the_stages(deployed: Deployed) -> None:
    for key, stage in (
        ("ApiUrl", names.LIVE_STAGE),
        ("PreviewBlueUrl", "preview-blue"),
        ("PreviewGreenUrl", "preview-green"),
    ):
        assert deployed[key].startswith(f"https://{deployed['ApiId']}.execute-api.")
        assert deployed[key].rstrip("/").endswith(f"/{stage}")


def test_every_method_wants_a_signature(session: boto3.Session, deployed: Deployed) -> None:
    client = session.client("apigateway")
    resources = client.get_resources(restApiId=deployed["ApiId"], embed=["methods"], limit=500)["items"]
    methods = {
        (resource["path"], verb): method["authorizationType"]
        for resource in resources
        for verb, method in resource.get("resourceMethods", {}).items()
    }
    assert set(methods) == {
        ("/payments", "POST"),
        ("/payments", "GET"),
        ("/payments/{id}", "GET"),
        ("/customers/{id}", "GET"),
        ("/customers/{id}", "PUT"),
        ("/payments/{id}/capture", "POST"),
        ("/payments/{id}/void", "POST"),
        ("/payments/{id}/refunds", "POST"),
        ("/health", "GET"),
    }
    assert set(methods.values()) == {"AWS_IAM"}


@pytest.mark.parametrize(
    ("method", "path", "body", "key"),
    [
        pytest.param("POST", "/payments", b'{"amount_minor": 1}', True, id="no payment"),
        pytest.param("POST", "/payments", b'{"amount_minor"', True, id="no JSON"),
        pytest.param("POST", "/payments/x/capture", b"{}", False, id="no idempotency key"),
        pytest.param("PUT", "/customers/x", b"{}", False, id="no customer"),
    ],
)
def test_the_api_itself_refuses_what_its_contract_does_not_allow(
    merchant: PaymentClient, method: str, path: str, body: bytes, key: bool
) -> None:
    """Before a function runs: every answer of a function tells its colour."""
    headers = {"Idempotency-Key": str(uuid.uuid4())} if key else None
    answer = merchant.send(method, path, Body(body), headers=headers)
    assert answer.status == 400, answer
    assert names.COLOUR_HEADER not in answer.headers
