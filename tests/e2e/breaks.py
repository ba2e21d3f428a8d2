"""One thing at a time that is wrong in a deployed environment, over AWS's APIs, and put right again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import boto3

from release import names

Outputs = Mapping[str, str]
Break = Callable[[boto3.Session, Outputs], AbstractContextManager[None]]


@contextmanager
def without_recovery(session: boto3.Session, outputs: Outputs) -> Iterator[None]:
    client = session.client("dynamodb")

    def recover(*, enabled: bool) -> None:
        client.update_continuous_backups(
            TableName=outputs["TransactionsTableName"],
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled},
        )

    recover(enabled=False)
    try:
        yield
    finally:
        recover(enabled=True)


@contextmanager
def without_weight(session: boto3.Session, outputs: Outputs) -> Iterator[None]:
    """The rule of live traffic forwards to one colour only, as if the template's weights were dropped."""
    client = session.client("elbv2")
    rules = client.describe_rules(ListenerArn=outputs["ListenerArn"])["Rules"]
    rule = next(r for r in rules if len(r["Actions"][0].get("ForwardConfig", {}).get("TargetGroups", [])) == 2)
    first = rule["Actions"][0]["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"]
    client.modify_rule(RuleArn=rule["RuleArn"], Actions=[{"Type": "forward", "TargetGroupArn": first}])
    try:
        yield
    finally:
        client.modify_rule(RuleArn=rule["RuleArn"], Actions=rule["Actions"])


@contextmanager
def without_validator(session: boto3.Session, outputs: Outputs) -> Iterator[None]:
    """POST /payments names no request validator, in a new deployment that all preview stages have."""
    client, api = session.client("apigateway"), outputs["ApiId"]
    resources = {r["path"]: r["id"] for r in client.get_resources(restApiId=api, limit=500)["items"]}
    method: Any = {"restApiId": api, "resourceId": resources["/payments"], "httpMethod": "POST"}
    validator = client.get_method(**method)["requestValidatorId"]
    stages = [names.preview_stage(colour) for colour in names.Colour]
    before = {stage: client.get_stage(restApiId=api, stageName=stage)["deploymentId"] for stage in stages}

    def use(validator_id: str) -> None:
        path = "/requestValidatorId"
        client.update_method(**method, patchOperations=[{"op": "replace", "path": path, "value": validator_id}])

    def show(deployments: Mapping[str, str]) -> None:
        for stage, deployment in deployments.items():
            patch: Any = [{"op": "replace", "path": "/deploymentId", "value": deployment}]
            client.update_stage(restApiId=api, stageName=stage, patchOperations=patch)

    use("")
    deployed = client.create_deployment(restApiId=api)["id"]
    show(dict.fromkeys(stages, deployed))
    try:
        yield
    finally:
        use(validator)
        show(before)
        client.delete_deployment(restApiId=api, deploymentId=deployed)


@contextmanager
def with_another_group_admitted(session: boto3.Session, outputs: Outputs) -> Iterator[None]:
    """The database's group admits the VPC link's in place of the functions', as a mixed-up reference would."""
    client = session.client("ec2")
    filters: Any = [{"Name": "vpc-id", "Values": [outputs["VpcId"]]}]
    found = client.describe_security_groups(Filters=filters)["SecurityGroups"]
    groups = {group["GroupName"]: group for group in found}
    named = {role: groups[names.resource(outputs["EnvironmentSuffix"], role)] for role in ("database", "link")}
    (permission,) = named["database"]["IpPermissions"]
    database = named["database"]["GroupId"]
    right = [{**permission, "UserIdGroupPairs": [{"GroupId": permission["UserIdGroupPairs"][0]["GroupId"]}]}]
    wrong = [{**permission, "UserIdGroupPairs": [{"GroupId": named["link"]["GroupId"]}]}]

    def admit(now: Any, *, instead_of: Any) -> None:
        client.revoke_security_group_ingress(GroupId=database, IpPermissions=instead_of)
        client.authorize_security_group_ingress(GroupId=database, IpPermissions=now)

    admit(wrong, instead_of=right)
    try:
        yield
    finally:
        admit(right, instead_of=wrong)


def without_permission(function: str, action: str) -> Break:
    """The role of a function lacks one action: the policy that has it gives way to one that is the same but for it."""

    @contextmanager
    def broken(session: boto3.Session, outputs: Outputs) -> Iterator[None]:
        iam, role = session.client("iam"), names.function(outputs["EnvironmentSuffix"], function)
        reduced: dict[str, Any] = {}
        for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
            found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
            document: Any = found["PolicyVersion"]["Document"]
            if (rest := _without(action, document)) != document:
                reduced[attached["PolicyArn"]] = rest
        assert reduced, f"{role} has no {action} to lose"
        for number, (policy, rest) in enumerate(reduced.items()):
            iam.detach_role_policy(RoleName=role, PolicyArn=policy)
            iam.put_role_policy(RoleName=role, PolicyName=f"reduced-{number}", PolicyDocument=json.dumps(rest))
        try:
            yield
        finally:
            for number, policy in enumerate(reduced):
                iam.attach_role_policy(RoleName=role, PolicyArn=policy)
                iam.delete_role_policy(RoleName=role, PolicyName=f"reduced-{number}")

    return broken


def _without(action: str, document: Mapping[str, Any]) -> dict[str, Any]:
    statements = []
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if kept := [each for each in actions if each != action]:
            statements.append({**statement, "Action": kept})
    return {**document, "Statement": statements}
