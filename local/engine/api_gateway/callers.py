"""IAM authorisation of a method: the signature, the caller's own policies, and the API's resource policy.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-authorization-flow.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples-for-api-execution.html
"""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs

from local.engine import context, seams
from local.engine.api_gateway.errors import GatewayError, missing_token
from local.engine.api_gateway.exchange import Caller, Exchange
from local.engine.api_gateway.snapshot import Snapshot

ACTION = "execute-api:Invoke"
SERVICE = "execute-api"
ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNATURE_CODES = {"SignatureDoesNotMatch", "RequestTimeTooSkewed", "CredentialDateMismatch"}


def authorize(exchange: Exchange, snapshot: Snapshot) -> Caller:
    """Who called, if they signed properly and may invoke the method. Raises `GatewayError` (403)."""
    authorization = exchange.request.header("authorization")
    if not authorization:
        raise missing_token()
    if not authorization.startswith(ALGORITHM):
        message = "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and a date."
        raise GatewayError("DEFAULT_4XX", message, error_type="IncompleteSignatureException")
    credential = _authenticated(exchange, snapshot)
    with context.acting_in(credential.account_id, snapshot.region):
        principal = seams.get("iam.principal")(credential.access_key_id, credential.account_id, credential)
        _check_policies(principal, exchange, snapshot)
    return Caller(
        account=credential.account_id,
        caller=credential.principal_id,
        arn=credential.principal_arn,
        access_key=credential.access_key_id,
    )


def check_anonymous(exchange: Exchange, snapshot: Snapshot) -> None:
    """A method without authorisation is still subject to the resource policy. Raises `GatewayError` (403)."""
    if snapshot.policy is None:
        return
    call = _call(exchange, snapshot, principal_arn="*", principal_type="Anonymous", account="", keys={})
    decision = seams.get("iam.evaluate_resource_policy")(snapshot.policy, call).decision
    if decision != "Allow":
        raise _denied("anonymous", exchange, snapshot, explicit=decision == "Deny", by_resource=True)


def _authenticated(exchange: Exchange, snapshot: Snapshot) -> Any:
    """The credential behind a valid signature over this very request."""
    request = exchange.request
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    signature = seams.get("sigv4.parse")(headers)
    if isinstance(signature, tuple):
        raise GatewayError("DEFAULT_4XX", signature[1], error_type="IncompleteSignatureException")
    if (signature.service, signature.region) != (SERVICE, snapshot.region):
        raise _invalid(f"Credential should be scoped to '{snapshot.region}' and '{SERVICE}'. ")
    if late := seams.get("sigv4.time_failure")(signature):
        raise _invalid(late[1])
    credential = _credential(signature.access_key_id, headers.get("x-amz-security-token", ""))
    claimed = headers.get("x-amz-content-sha256", UNSIGNED)
    if claimed != UNSIGNED and claimed != hashlib.sha256(request.body).hexdigest():
        raise _invalid("The value of 'x-amz-content-sha256' does not match the body.")
    query = parse_qs(request.query, keep_blank_values=True)
    failure = seams.get("sigv4.failure")(
        signature, credential.secret_access_key, request.method, request.path, query, headers, request.body
    )
    if failure:
        raise _invalid(failure[1])
    return credential


def _credential(access_key: str, token: str) -> Any:
    """The key's secret and principal in the account that it belongs to."""
    account = (
        access_key
        if len(access_key) == 12 and access_key.isdigit()
        else seams.get("sts.account_of_session")(access_key) or seams.get("iam.account_of_key")(access_key)
    )
    found = seams.get("iam.credential")(access_key, account, token) if account else None
    if found is None or not hasattr(found, "secret_access_key"):
        if found is not None and found.code == "ExpiredTokenException":
            raise GatewayError("EXPIRED_TOKEN", found.message)
        message = "The security token included in the request is invalid."
        raise GatewayError("DEFAULT_4XX", message, error_type="UnrecognizedClientException")
    return found


def _check_policies(principal: Any, exchange: Exchange, snapshot: Snapshot) -> None:
    """In the API's account one Allow suffices, across accounts both must allow; a Deny anywhere wins."""
    call = _call(
        exchange,
        snapshot,
        principal_arn=_principal_arn(principal),
        principal_type=principal.type,
        account=principal.account,
        keys=principal.keys,
    )
    if principal.policies is None:
        identity = seams.get("iam.result")("Allow", principal.arn)
    else:
        identity = seams.get("iam.evaluate")(call, principal.policies, *principal.limits)
    result = seams.get("iam.combine")(identity, call, snapshot.policy, snapshot.account, False, principal.limits)
    if result.decision != "Allow":
        raise _denied(
            principal.arn,
            exchange,
            snapshot,
            explicit=result.decision == "Deny",
            by_resource=bool(result.resource_policy_arn),
        )


def _principal_arn(principal: Any) -> str:
    """The ARN that aws:PrincipalArn and a resource policy compare: of an assumed role the role's own.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    if principal.type != "AssumedRole":
        return str(principal.arn)
    name = principal.arn.split("/")[1]
    role = seams.get("iam.roles").get_scoped(principal.account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{principal.account}:role/{name}")


def _call(
    exchange: Exchange, snapshot: Snapshot, *, principal_arn: str, principal_type: str, account: str, keys: Any
) -> Any:
    return seams.get("iam.eval_context")(
        principal_arn=principal_arn,
        principal_type=principal_type,
        principal_account=account,
        action=ACTION,
        resource_arn=method_arn(exchange, snapshot),
        region=snapshot.region,
        source_ip=exchange.request.client_ip,
        secure_transport=True,
        service_context={"aws:tagkeys": None},
        principal_keys=keys,
    )


def method_arn(exchange: Exchange, snapshot: Snapshot, *, account: str = "") -> str:
    resource = f"{snapshot.api_id}/{exchange.stage_name}/{exchange.request.method}{exchange.path}"
    return f"arn:aws:execute-api:{snapshot.region}:{account or snapshot.account}:{resource}"


def _denied(who: str, exchange: Exchange, snapshot: Snapshot, *, explicit: bool, by_resource: bool) -> GatewayError:
    if explicit:
        reason = f"with an explicit deny in {'a resource-based' if by_resource else 'an identity-based'} policy"
    else:
        kind = "resource-based" if by_resource else "identity-based"
        reason = f"because no {kind} policy allows the {ACTION} action"
    shown = method_arn(exchange, snapshot, account=f"********{snapshot.account[-4:]}")
    return GatewayError(
        "ACCESS_DENIED", f"User: {who} is not authorized to perform: {ACTION} on resource: {shown} {reason}"
    )


def _invalid(message: str) -> GatewayError:
    return GatewayError("INVALID_SIGNATURE", message)
