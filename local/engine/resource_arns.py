"""The resources that IAM checks a call on, where ministack says `*` and AWS does not.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from local.engine import context
from local.engine.registry import EACH, Registry, Request


def register(registry: Registry) -> None:
    registry.authorize_on("lambda", function_or_its_version)
    registry.authorize_on("ssm", parameter)
    registry.authorize_on("monitoring", alarm_or_dashboard)
    registry.authorize_on("logs", log_group_or_stream)
    registry.authorize_on("rds", cluster_or_instance)


def function_or_its_version(_: str, request: Request) -> str:
    """A call with a qualifier is one on the version or alias, wherever the qualifier stands."""
    parts = request.path.split("/")
    qualifier = next(iter(request.query.get("Qualifier", [])), "")
    if not qualifier or len(parts) < 4 or parts[2] != "functions":
        return ""
    name = unquote(parts[3])
    return f"{name if name.startswith('arn:') else _arn('lambda', f'function:{name}')}:{qualifier}"


def parameter(operation: str, request: Request) -> str:
    """By path the path itself, by names every single one."""
    asked = _json(request)
    names = {"GetParametersByPath": [asked.get("Path")]}.get(operation, asked.get("Names"))
    if operation not in ("GetParametersByPath", "GetParameters", "DeleteParameters") or not names:
        return ""
    return EACH.join(_arn("ssm", "parameter/" + str(name).strip("/")) for name in names)


def alarm_or_dashboard(operation: str, request: Request) -> str:
    asked = {**{key: values[0] for key, values in request.query.items() if values}, **_json(request)}
    if operation == "DescribeAlarms":
        return _arn("cloudwatch", "alarm:*")
    if operation == "GetDashboard" and asked.get("DashboardName"):
        return f"arn:aws:cloudwatch::{context.account()}:dashboard/{asked['DashboardName']}"
    return ""


def log_group_or_stream(_: str, request: Request) -> str:
    asked = _json(request)
    if asked.get("logGroupName") and asked.get("logStreamName"):
        return _arn("logs", f"log-group:{asked['logGroupName']}:log-stream:{asked['logStreamName']}")
    return ""


def cluster_or_instance(operation: str, request: Request) -> str:
    kinds = {
        "DescribeDBClusters": ("DBClusterIdentifier", "cluster"),
        "DescribeDBInstances": ("DBInstanceIdentifier", "db"),
    }
    if operation not in kinds:
        return ""
    parameter_name, kind = kinds[operation]
    return _arn("rds", f"{kind}:{next(iter(request.query.get(parameter_name, [])), '*')}")


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{context.region()}:{context.account()}:{resource}"


def _json(request: Request) -> dict[str, Any]:
    if not request.body.startswith(b"{"):
        return {}
    try:
        found: dict[str, Any] = json.loads(request.body)
    except ValueError:
        return {}
    return found
