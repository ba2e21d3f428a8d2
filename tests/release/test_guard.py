"""A deployment that would destroy data stops and says what it would have destroyed."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from release.aws.templates import synthesized_templates
from release.errors import Refused
from release.guard import REPLACING, losses, not_intended
from release.names import stacks

STACK = "payment-dev-data"
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {"TableName": "payment-dev-transactions", "KeySchema": [{"AttributeName": "pk"}], "Tags": []},
}
DEPLOYED = {
    STACK: {
        "Resources": {
            "Transactions": TABLE,
            "Audit": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "payment-dev-audit"}},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {}},
        }
    }
}


def planned(logical_id: str, change: Mapping[str, Any] | None) -> dict[str, Any]:
    """The deployed template with one resource's properties changed, or with the resource gone."""
    template = deepcopy(DEPLOYED)
    resources: dict[str, Any] = template[STACK]["Resources"]
    if change is None:
        del resources[logical_id]
    else:
        resources[logical_id]["Properties"].update(change)
    return template


def test_the_same_templates_lose_nothing() -> None:
    assert losses(DEPLOYED, deepcopy(DEPLOYED)) == []


@pytest.mark.parametrize(
    ("logical_id", "change"),
    [
        ("Transactions", {"Tags": [{"Key": "Owner", "Value": "x"}]}),
        ("Policy", None),
        ("Audit", {"LifecycleConfiguration": {}}),
    ],
)
def test_what_keeps_data_goes_ahead(logical_id: str, change: Mapping[str, Any] | None) -> None:
    assert losses(DEPLOYED, planned(logical_id, change)) == []


@pytest.mark.parametrize(
    ("logical_id", "change", "words"),
    [
        ("Transactions", None, "is no longer in the template"),
        ("Transactions", {"TableName": "other"}, "is replaced, because TableName would change"),
        ("Transactions", {"KeySchema": []}, "is replaced, because KeySchema would change"),
        ("Audit", {"ObjectLockEnabled": True}, "is replaced, because ObjectLockEnabled would change"),
    ],
)
def test_a_loss_is_named_with_its_reason(logical_id: str, change: Mapping[str, Any] | None, words: str) -> None:
    (loss,) = losses(DEPLOYED, planned(logical_id, change))
    assert str(loss).startswith(f"{STACK}/{logical_id} (")
    assert str(loss).endswith(words)


def test_a_new_logical_id_is_the_loss_of_the_old_one() -> None:
    template = planned("Transactions", None)
    template[STACK]["Resources"]["TransactionsTable"] = TABLE
    assert [loss.logical_id for loss in losses(DEPLOYED, template)] == ["Transactions"]


def test_a_loss_that_the_change_lists_is_intended() -> None:
    found = losses(DEPLOYED, planned("Transactions", None))
    assert not_intended(found, f"# a comment\n{STACK}/Transactions  # moved to another table\n") == []
    assert not_intended(found, "") == found
    assert not_intended(found, f"# {STACK}/Transactions\n") == found


def test_a_first_deployment_loses_nothing() -> None:
    assert losses({}, DEPLOYED) == []


def test_every_kind_of_resource_that_holds_data_is_guarded() -> None:
    assert {"AWS::DynamoDB::Table", "AWS::RDS::DBCluster", "AWS::S3::Bucket", "AWS::KMS::Key"} <= set(REPLACING)


def test_templates_are_found_in_nested_assemblies(tmp_path: Path) -> None:
    nested = tmp_path / "assembly-Dev"
    nested.mkdir()
    artifacts = {}
    for name in stacks("dev"):
        (nested / f"{name}.template.json").write_text(json.dumps({"Resources": {}, "Description": name}))
        properties = {"stackName": name, "templateFile": f"{name}.template.json"}
        artifacts[name] = {"type": "aws:cloudformation:stack", "properties": properties}
    (nested / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    assert set(synthesized_templates(tmp_path, "dev")) == set(stacks("dev"))
    with pytest.raises(Refused, match="payment-prod-data"):
        synthesized_templates(tmp_path, "prod")
