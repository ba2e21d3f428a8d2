"""WAF: associations and logging configurations. What rules decide is in `api_gateway.firewall`."""

from __future__ import annotations

import json
from typing import Any

from local.engine import context
from local.engine.registry import Provisioned, Registry, Request, Resource, Response, ServiceHandler
from local.engine.replies import json_error, json_reply


class LoggingConfigurations:
    """The part of the WAFV2 API that ministack lacks: one logging configuration for each web ACL."""

    def __init__(self) -> None:
        self._by_acl: Any = context.store()

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if "LoggingConfiguration" not in operation:
            return await proceed(request)
        asked = json.loads(request.body or b"{}")
        if operation == "PutLoggingConfiguration":
            configuration = asked["LoggingConfiguration"]
            self._by_acl[configuration["ResourceArn"]] = configuration
            return json_reply({"LoggingConfiguration": configuration})
        if operation == "ListLoggingConfigurations":
            return json_reply({"LoggingConfigurations": list(self._by_acl.values())})
        found = self._by_acl.get(asked["ResourceArn"])
        if found is None:
            return json_error("WAFNonexistentItemException", "AWS WAF couldn't find the logging configuration.")
        if operation == "DeleteLoggingConfiguration":
            del self._by_acl[asked["ResourceArn"]]
            return json_reply({})
        return json_reply({"LoggingConfiguration": found})


def register(registry: Registry) -> None:
    registry.wrap_service("wafv2", LoggingConfigurations().answer)
    registry.resource_type(
        "AWS::WAFv2::WebACLAssociation",
        create=associate,
        delete=disassociate,
        properties={"ResourceArn", "WebACLArn"},
    )
    registry.resource_type(
        "AWS::WAFv2::LoggingConfiguration",
        create=put_logging,
        update=put_logging,
        delete=lambda resource: resource.client("wafv2").delete_logging_configuration(
            ResourceArn=resource.properties["ResourceArn"]
        ),
        properties={"LogDestinationConfigs", "LoggingFilter", "RedactedFields", "ResourceArn"},
    )


def associate(resource: Resource) -> Provisioned:
    acl, target = resource.properties["WebACLArn"], resource.properties["ResourceArn"]
    resource.client("wafv2").associate_web_acl(WebACLArn=acl, ResourceArn=target)
    return Provisioned(physical_id=f"{acl}|{target}")


def disassociate(resource: Resource) -> None:
    resource.client("wafv2").disassociate_web_acl(ResourceArn=resource.properties["ResourceArn"])


def put_logging(resource: Resource) -> Provisioned:
    configuration = dict(resource.properties)
    resource.client("wafv2").put_logging_configuration(LoggingConfiguration=configuration)
    return Provisioned(
        physical_id=configuration["ResourceArn"],
        attributes={"ResourceArn": configuration["ResourceArn"], "ManagedByFirewallManager": False},
    )
