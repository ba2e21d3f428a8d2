"""What ministack's Describe calls leave out: the state of an index, where a flow log goes and as whom."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import parse_qs

from local.engine import context
from local.engine.registry import Registry, Request, Response, ServiceHandler
from local.engine.replies import json_reply


def register(registry: Registry) -> None:
    registry.wrap_service("dynamodb", _tables)
    registry.wrap_service("ec2", FlowLogs().answer)


async def _tables(request: Request, proceed: ServiceHandler) -> Response:
    """An index that ministack knows is built: ACTIVE.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GlobalSecondaryIndexDescription.html
    """
    response = await proceed(request)
    if not request.headers.get("x-amz-target", "").endswith(".DescribeTable") or response.status != 200:
        return response
    answer = json.loads(response.body)
    for index in answer["Table"].get("GlobalSecondaryIndexes", []):
        index.setdefault("IndexStatus", "ACTIVE")
    return json_reply(answer)


class FlowLogs:
    """Remembers the delivery role of each flow log, and says the log group by its name.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
    """

    def __init__(self) -> None:
        self._roles = context.store()

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        response = await proceed(request)
        asked = parse_qs(request.body.decode(errors="replace")) if request.body else dict(request.query)
        operation = asked.get("Action", [""])[0]
        if response.status == 200 and operation == "CreateFlowLogs":
            for flow_log in re.findall(r"<item>(fl-\w+)</item>", response.body.decode()):
                self._roles[flow_log] = asked.get("DeliverLogsPermissionArn", [""])[0]
        elif response.status == 200 and operation == "DescribeFlowLogs":
            described = re.sub(r"<item>\s*<flowLogId>.*?</item>", self._complete, response.body.decode(), flags=re.S)
            return replace(response, body=described.encode())
        return response

    def _complete(self, item: re.Match[str]) -> str:
        text = item[0]
        if "<logDestinationType>cloud-watch-logs<" in text:
            text = text.replace("logDestination>", "logGroupName>")
        flow_log = re.search(r"<flowLogId>(.*?)<", text)
        role = self._roles.get(flow_log[1] if flow_log else "", "")
        role_element = f"<deliverLogsPermissionArn>{role}</deliverLogsPermissionArn>" if role else ""
        return text.replace("</flowLogId>", f"</flowLogId>{role_element}")
