"""Four faults of ministack's IAM that keep CDK's roles from working across accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.engine import context, seams
from local.engine.registry import EACH, Engine, Registry

BUCKET_ARN = "arn:aws:s3:::"


def register(registry: Registry) -> None:
    registry.before_start(correct)


def correct(_: Engine) -> None:
    seams.wrap("iam.enforce", _with_role_tags)
    seams.wrap("iam.enforce", _on_each_resource)
    seams.wrap("iam.account_from_arn", _with_bucket_owners)
    seams.wrap("s3.foreign_bucket_allows", _with_named_roles)
    seams.wrap("iam.condition_key", _with_roles_of_sessions)


def _with_role_tags(original: Callable[..., Any]) -> Callable[..., Any]:
    """Fill in iam:ResourceTag of the role that is assumed: self-mutation may assume only tagged roles.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
    """

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if iam_action == "sts:AssumeRole" and ":role/" in resource_arn:
            tags = {f"iam:resourcetag/{key}".lower(): value for key, value in _role_tags(resource_arn).items()}
            service_context = {**(service_context or {}), **tags}
        return original(access_key_id, iam_action, service, region, resource_arn, service_context)

    return enforce


def _on_each_resource(original: Callable[..., Any]) -> Callable[..., Any]:
    """Check a call on every resource that it names (see `registry.EACH`); the first refusal counts."""

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        refusals = (
            original(access_key_id, iam_action, service, region, resource, service_context)
            for resource in resource_arn.split(EACH)
        )
        return next((refusal for refusal in refusals if refusal is not None), None)

    return enforce


def _role_tags(role_arn: str) -> dict[str, str]:
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = seams.get("iam.roles").get_scoped(account, None, name) or {}
    tags = role.get("Tags") or []
    return dict(tags) if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


def _with_bucket_owners(original: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """Answer s3:ResourceAccount with the bucket's owner: an S3 ARN names no account, and not always the caller's.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """

    def account_from_arn(arn: str) -> str | None:
        if arn.startswith(BUCKET_ARN):
            owner: str | None = seams.get("s3.bucket_owner")(arn.removeprefix(BUCKET_ARN).partition("/")[0])
            return owner
        return original(arn)

    return account_from_arn


def _with_named_roles(original: Callable[..., bool]) -> Callable[..., bool]:
    """Let a bucket policy grant to a role of another account; ministack asks for that account's root only.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    """

    def allows(
        owner_account: str,
        bucket_name: str,
        key: str,
        method: str,
        query_params: dict[str, list[str]],
        caller: str,
        headers: dict[str, str] | None = None,
    ) -> bool:
        if original(owner_account, bucket_name, key, method, query_params, caller, headers):
            return True
        access_key = seams.get("s3.request_access_key")(method, key, headers or {}, query_params, b"")
        identity = seams.get("iam.caller")(access_key or "") or {}
        principal = str(identity.get("userArn", ""))
        policy = seams.get("s3.bucket_policies").get_scoped(owner_account, None, bucket_name)
        if not policy or ":assumed-role/" not in principal:
            return False
        path = f"/{bucket_name}/{key}" if key else f"/{bucket_name}"
        fallback = "GetObject" if method in ("GET", "HEAD") else "PutObject"
        asked = seams.get("iam.eval_context")(
            principal_arn=principal,
            principal_type="AssumedRole",
            principal_account=caller,
            action="s3:" + (seams.get("s3.action")(method, path, query_params) or fallback),
            resource_arn=BUCKET_ARN + path.removeprefix("/"),
            region=context.region(),
        )
        return bool(seams.get("iam.evaluate_resource_policy")(policy, asked).decision == "Allow")

    return allows


def _with_roles_of_sessions(original: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Answer aws:PrincipalArn with the role for a session of it, as AWS does; ministack answers with the session.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """

    def resolve(key: str, ctx: Any) -> Any:
        value = original(key, ctx)
        if key.lower() != "aws:principalarn" or ":assumed-role/" not in str(value):
            return value
        account, name = value.split(":")[4], value.split("/")[1]
        role = seams.get("iam.roles").get_scoped(account, None, name) or {}
        return role.get("Arn", f"arn:aws:iam::{account}:role/{name}")

    return resolve
