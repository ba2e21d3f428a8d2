"""The stack operation that the current task or worker thread belongs to: for whom it acts, what may roll it back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from local.engine import context, seams
from local.engine.context import Credentials

SESSION_NAME = "AWSCloudFormation"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a stack keeps from one operation to the next."""

    role_arn: str = ""
    triggers: tuple[str, ...] = ()
    monitoring_minutes: int = 0


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One create, update or delete. `caller_key` is the access key of who asked for it."""

    caller_key: str
    settings: Settings
    started_at: float
    deploying: bool = False
    rolls_back: bool = False


_current: ContextVar[Operation | None] = ContextVar("stack_operation", default=None)


def current() -> Operation | None:
    return _current.get()


@contextmanager
def within(operation: Operation | None) -> Iterator[None]:
    """Tasks and threads that begin inside the block belong to `operation`; None is the engine itself."""
    before = _current.set(operation)
    try:
        yield
    finally:
        _current.reset(before)


@contextmanager
def deploying() -> Iterator[None]:
    """What happens inside is done by the stack's role; before it, the caller is asked for his own permissions."""
    operation = _current.get()
    with within(replace(operation, deploying=True) if operation else None):
        yield


@contextmanager
def rolling_back() -> Iterator[None]:
    """What happens inside undoes the operation: alarms do not stop it."""
    operation = _current.get()
    with within(replace(operation, rolls_back=True) if operation else None):
        yield


def deployer_key() -> str:
    """The access key that the operation acts with: a session of its role, else the caller's; "" is the engine's own.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
    """
    operation = _current.get()
    if operation is None:
        return ""
    if operation.settings.role_arn and operation.deploying:
        return _session(operation.settings.role_arn).access_key
    return operation.caller_key


def deployer() -> Credentials | None:
    """Credentials of the operation's role or caller; None where the account's administrator acts."""
    operation = _current.get()
    if operation is None:
        return None
    if operation.settings.role_arn:
        return _session(operation.settings.role_arn)
    found = seams.get("iam.credential")(operation.caller_key, context.account())
    if getattr(found, "principal_type", "Root") == "Root":
        return None
    return Credentials(access_key=found.access_key_id, secret=found.secret_access_key, token=found.session_token)


def _session(role_arn: str) -> Credentials:
    """CloudFormation's session of an execution role. The same for the same role, so that clients can be kept."""
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(f"{SESSION_NAME}:{role_arn}".encode()).hexdigest()
    found = Credentials(
        access_key=f"ASIA{digest[:16].upper()}",
        secret=hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        token=hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    )
    seams.get("sts.register_session")(
        found.access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{SESSION_NAME}",
            "UserId": f"{name}:{SESSION_NAME}",
            "SecretAccessKey": found.secret,
            "SessionToken": found.token,
        },
    )
    return found
