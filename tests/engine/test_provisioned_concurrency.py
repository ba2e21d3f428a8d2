"""Provisioned concurrency: a version's processes are there before the first request.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.embedded import EmbeddedAws, eventually
from tests.engine.test_functions import alias, function, invoke, role, version

IMPORTED_AT = """
import time

BORN = time.time()

def handler(event, context):
    return BORN
"""


def deployed(engine: EmbeddedAws, account: str, source: str = IMPORTED_AT, **more: Any) -> Any:
    """A function with one version behind `blue` and `green`; returns a client of Lambda."""
    green = alias("One") | {"Properties": alias("One")["Properties"] | {"Name": "green"}}
    resources = {"Role": role(), "Function": function(source, **more), "One": version(), "Blue": alias("One")}
    engine.deploy(resources | {"Green": green}, account=account)
    return engine.client("lambda", account=account)


def provision(client: Any, qualifier: str, number: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.put_provisioned_concurrency_config(
        FunctionName="pay", Qualifier=qualifier, ProvisionedConcurrentExecutions=number
    )
    return answer


def state(client: Any, qualifier: str = "blue") -> dict[str, Any]:
    found: dict[str, Any] = client.get_provisioned_concurrency_config(FunctionName="pay", Qualifier=qualifier)
    return found


def test_processes_have_imported_the_function_before_it_is_called(engine: EmbeddedAws, account: str) -> None:
    client = deployed(engine, account)

    answered = provision(client, "blue", 2)
    assert (answered["Status"], answered["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    ready = eventually(lambda: (found := state(client))["Status"] == "READY" and found)
    assert ready["AvailableProvisionedConcurrentExecutions"] == 2

    asked_at = time.time()
    assert invoke(client, "pay:blue", {})["payload"] < asked_at


def test_a_version_that_cannot_be_imported_is_said_to_have_failed(engine: EmbeddedAws, account: str) -> None:
    client = deployed(engine, account, "import no_such_module\n")

    provision(client, "blue", 1)

    failed = eventually(lambda: (found := state(client))["Status"] == "FAILED" and found)
    assert "no_such_module" in failed["StatusReason"]


@pytest.mark.parametrize(
    ("qualifier", "number", "words"),
    [
        ("$LATEST", 1, "unpublished"),
        ("green", 1, "already Provisioned version"),
        ("blue", 4, "reservedConcurrentExecution"),
    ],
)
def test_what_lambda_would_not_provision_is_refused(
    engine: EmbeddedAws, account: str, qualifier: str, number: int, words: str
) -> None:
    client = deployed(engine, account, ReservedConcurrentExecutions=3)
    provision(client, "blue", 1)

    with pytest.raises(ClientError, match=words) as refused:
        provision(client, qualifier, number)

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert state(client)["RequestedProvisionedConcurrentExecutions"] == 1
