"""The only place that names ministack's attributes.

ministack is pinned, but its private parts promise nothing. `check` compares every attribute and signature
used here with what is installed and fails at start with a list, so an upgrade breaks here and not in a
payment. Other engine modules reach ministack only by `get` and `replace`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

PINNED = "1.5.33"


class SeamBrokenError(RuntimeError):
    """The installed ministack is not the one that this engine was written for."""


@dataclass(frozen=True, kw_only=True)
class Seam:
    """`target` is `module:attribute.path`; `parameters` its exact parameter names, None if not a function."""

    target: str
    parameters: tuple[str, ...] | None = None


SEAMS: dict[str, Seam] = {
    # -- engine room -------------------------------------------------------------------------------
    "account": Seam(target="ministack.core.responses:get_account_id", parameters=()),
    "region": Seam(target="ministack.core.responses:get_region", parameters=()),
    "request_scope": Seam(target="ministack.core.responses:request_scope", parameters=("account_id", "region")),
    "account_region_dict": Seam(target="ministack.core.responses:AccountRegionScopedDict"),
    "run_reentrant": Seam(target="ministack.core.concurrency:run_reentrant", parameters=("fn", "args", "thread_name")),
    "app": Seam(target="ministack.app:app", parameters=("scope", "receive", "send")),
    "services": Seam(target="ministack.app:SERVICE_HANDLERS"),
    "routing.patterns": Seam(target="ministack.core.router:SERVICE_PATTERNS"),
    "iam.namespaces": Seam(target="ministack.core.iam_actions:SERVICE_TO_IAM_NAMESPACE"),
    "iam.resource_arn": Seam(
        target="ministack.core.iam_actions:extract_resource_arn",
        parameters=("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
    ),
    "cloudformation.handlers": Seam(target="ministack.services.cloudformation.provisioners:_RESOURCE_HANDLERS"),
    "cloudformation.on_worker_thread": Seam(
        target="ministack.services.cloudformation.stacks:_runs_on_worker_thread", parameters=("resource_type",)
    ),
    # -- load balancer -----------------------------------------------------------------------------
    # -- API Gateway -------------------------------------------------------------------------------
    # -- pipeline ----------------------------------------------------------------------------------
}


def check() -> None:
    """Raise `SeamBrokenError` naming every attribute that is missing or whose parameters changed."""
    faults = [] if metadata.version("ministack") == PINNED else [_wrong_version()]
    faults += [fault for name, seam in SEAMS.items() if (fault := _fault(name, seam))]
    if faults:
        raise SeamBrokenError("ministack does not fit local/engine/seams.py:\n  " + "\n  ".join(faults))


def get(name: str) -> Any:
    """The attribute behind seam `name`, as it is now (replaced or original)."""
    owner, attribute = _owner(SEAMS[name])
    return getattr(owner, attribute)


def replace(name: str, value: Any) -> Any:
    """Put `value` in the place of seam `name` and return what was there before."""
    owner, attribute = _owner(SEAMS[name])
    before = getattr(owner, attribute)
    setattr(owner, attribute, value)
    return before


def wrap(name: str, make: Callable[[Any], Any]) -> None:
    """Replace seam `name` by `make(original)`."""
    replace(name, make(get(name)))


def _owner(seam: Seam) -> tuple[Any, str]:
    module, _, path = seam.target.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, attribute = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    return owner, attribute


def _fault(name: str, seam: Seam) -> str | None:
    try:
        owner, attribute = _owner(seam)
        value = getattr(owner, attribute)
    except (ImportError, AttributeError) as error:
        return f"{name}: {seam.target} is gone ({error})"
    if seam.parameters is None:
        return None
    found = tuple(inspect.signature(value).parameters)
    if found != seam.parameters:
        return f"{name}: {seam.target} takes {found}, expected {seam.parameters}"
    return None


def _wrong_version() -> str:
    return f"version {metadata.version('ministack')} is installed, {PINNED} is expected"
