"""Provisioned concurrency: processes that have imported their function before anybody calls it, and that stay.

ministack says READY at once and starts nothing. Here as many processes start as serve a version at all on this machine.
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
https://docs.aws.amazon.com/lambda/latest/api/API_PutProvisionedConcurrencyConfig.html
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.engine import context, seams
from local.engine.registry import Engine, Registry

LATEST = "$LATEST"
_ERROR = {"Content-Type": "application/json", "x-amzn-errortype": "InvalidParameterValueException"}
Reply = tuple[int, dict[str, str], bytes]


def register(registry: Registry) -> None:
    registry.before_start(_improve)


def _improve(_: Engine) -> None:
    seams.wrap("lambda.put_provisioned", _starting)


def is_provisioned(config: Mapping[str, Any]) -> bool:
    """Whether a process with this configuration is to be kept though nobody calls it."""
    _, _, _, region, account, *_ = config["FunctionArn"].split(":")
    with context.acting_in(account, region):
        function = seams.get("lambda.functions").get(config["FunctionName"])
    return function is not None and config["Version"] in _versions(function).values()


def _versions(function: Mapping[str, Any], *, but: str = "") -> dict[str, str]:
    """The version behind each alias or version that has provisioned concurrency."""
    given = function.get("provisioned_concurrency", {})
    return {qualifier: _version(function, qualifier) for qualifier in given if qualifier != but}


def _version(function: Mapping[str, Any], qualifier: str) -> str:
    alias = function.get("aliases", {}).get(qualifier)
    return str(alias["FunctionVersion"]) if alias else qualifier


def _starting(original: Callable[[str, str, dict[str, Any]], Reply]) -> Callable[[str, str, dict[str, Any]], Reply]:
    def put(func_name: str, qualifier: str, data: dict[str, Any]) -> Reply:
        function = seams.get("lambda.functions").get(func_name)
        if function is not None and (reason := _refusal(function, qualifier, data["ProvisionedConcurrentExecutions"])):
            return 400, dict(_ERROR), json.dumps({"Type": "User", "message": reason}).encode()
        status, headers, body = original(func_name, qualifier, data)
        if function is None or status >= 300:
            return status, headers, body
        state = function["provisioned_concurrency"][qualifier]
        state |= {
            "AvailableProvisionedConcurrentExecutions": 0,
            "AllocatedProvisionedConcurrentExecutions": 0,
            "Status": "IN_PROGRESS",
        }
        scope = contextvars.copy_context()
        threading.Thread(
            target=scope.run, args=(_start, function, qualifier, state), daemon=True, name="provisioned-concurrency"
        ).start()
        return status, headers, json.dumps(state).encode()

    return put


def _refusal(function: Mapping[str, Any], qualifier: str, wanted: int) -> str:
    """Why Lambda would not provision it, or nothing."""
    if qualifier == LATEST or _version(function, qualifier) == LATEST:
        return "Provisioned Concurrency Configs cannot be applied to unpublished function version."
    if _version(function, qualifier) in _versions(function, but=qualifier).values():
        return "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
    others = function.get("provisioned_concurrency", {}).items()
    total = wanted + sum(state["RequestedProvisionedConcurrentExecutions"] for q, state in others if q != qualifier)
    reserved = function.get("concurrency")
    if reserved is not None and total > reserved:
        return (
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    return ""


def _start(function: Mapping[str, Any], qualifier: str, state: dict[str, Any]) -> None:
    record = function["versions"][_version(function, qualifier)]
    wanted = state["RequestedProvisionedConcurrentExecutions"]
    try:
        _start_processes(record, min(wanted, seams.get("lambda.worker_limit")))
    except Exception as error:
        state |= {"Status": "FAILED", "StatusReason": f"{type(error).__name__}: {error}"[:500]}
        return
    state |= {
        "AvailableProvisionedConcurrentExecutions": wanted,
        "AllocatedProvisionedConcurrentExecutions": wanted,
        "Status": "READY",
    }


def _start_processes(record: Mapping[str, Any], count: int) -> None:
    config, leased = record["config"], []
    acquire, release = seams.get("lambda.acquire_worker"), seams.get("lambda.release_worker")
    try:
        # All at once, or the first would be leased again and again.
        for _ in range(count):
            worker, _ = acquire(config["FunctionName"], config, record["code_zip"], qualifier=config["Version"])
            if worker is None:
                break  # others serve requests already
            leased.append(worker)
        for worker in leased:
            process = seams.attribute("lambda.worker", worker, "_proc")
            if process is None or process.poll() is not None:
                seams.get("lambda.start_worker")(worker)
    finally:
        for worker in leased:
            release(worker)
