"""VPC links of version 2: the API of `apigatewayv2`, which ministack lacks.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/vpclinks.html
"""

from __future__ import annotations

import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from local.engine import context, inprocess
from local.engine.registry import Request, Response

PATH = ["v2", "vpclinks"]
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass(kw_only=True)
class VpcLink:
    id: str
    name: str
    vpc_id: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    tags: Mapping[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    def described(self) -> dict[str, Any]:
        return {
            "vpcLinkId": self.id,
            "name": self.name,
            "subnetIds": list(self.subnets),
            "securityGroupIds": list(self.security_groups),
            "tags": dict(self.tags),
            "vpcLinkStatus": "AVAILABLE",
            "vpcLinkVersion": "V2",
            "createdDate": self.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


class VpcLinks:
    """The VPC links of all accounts and regions."""

    def __init__(self) -> None:
        self._links = context.store()

    def find(self, link_id: str, *, account: str, region: str) -> VpcLink | None:
        link: VpcLink | None = self._links.get_scoped(account, region, link_id)
        return link

    async def handle(self, request: Request, parts: Sequence[str]) -> Response:
        """Answer a call on `/v2/vpclinks[/<id>]` in the account and region of the caller."""
        link = self._links.get(parts[2]) if len(parts) > 2 else None
        if len(parts) > 2 and link is None:
            return problem(404, "NotFoundException", f"Unable to find Vpc Link with ID {parts[2]}")
        given = json.loads(request.body or b"{}")
        match request.method, link:
            case "POST", None:
                return await self._create(given)
            case "GET", None:
                return reply(200, {"items": [item.described() for item in self._links.values()]})
            case "GET", VpcLink() as found:
                return reply(200, found.described())
            case "PATCH", VpcLink() as found:
                found.name = given.get("name", found.name)
                return reply(200, found.described())
            case "DELETE", VpcLink() as found:
                del self._links[found.id]
                return Response(status=202, headers={}, body=b"")
            case _:
                return problem(405, "BadRequestException", f"{request.method} is not supported on VPC links")

    async def _create(self, given: Mapping[str, Any]) -> Response:
        try:
            subnets = await inprocess.call(
                "ec2",
                "DescribeSubnets",
                account=context.account(),
                region=context.region(),
                SubnetIds=given["subnetIds"],
            )
        except ClientError as error:
            return problem(400, "BadRequestException", f"Invalid subnet: {error.response['Error']['Message']}")
        vpcs = {subnet["VpcId"] for subnet in subnets["Subnets"]}
        if len(vpcs) != 1:
            return problem(400, "BadRequestException", "The subnets must belong to one VPC")
        link = VpcLink(
            id="".join(secrets.choice(_ALPHABET) for _ in range(6)),
            name=given["name"],
            vpc_id=vpcs.pop(),
            subnets=given["subnetIds"],
            security_groups=given.get("securityGroupIds", []),
            tags=given.get("tags", {}),
        )
        self._links[link.id] = link
        return reply(201, link.described())


def reply(status: int, body: Any) -> Response:
    return Response(status=status, headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


def problem(status: int, code: str, message: str) -> Response:
    answer = reply(status, {"message": message})
    answer.headers["x-amzn-errortype"] = code
    return answer
