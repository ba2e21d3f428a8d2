"""Composition: an environment's ports, with one client per service."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from release.aws.alarms import StackAlarms
from release.aws.api_stage import LiveStage
from release.aws.events import DecisionLog
from release.aws.functions import Aliases
from release.aws.ledger import LedgerTable
from release.aws.load_balancer import ListenerRules
from release.aws.metrics import ColourMetrics
from release.aws.parameters import ParameterStore
from release.aws.preview import PreviewStages
from release.aws.session import Client
from release.aws.stacks import EnvironmentStacks
from release.ports import Clock, Environment

if TYPE_CHECKING:
    import boto3


def connect(
    session: "boto3.Session", suffix: str, *, clock: Clock, progress: Callable[[str], None], by: str
) -> Environment:
    def client(service: str) -> Any:
        return Client(session, service)

    stacks = EnvironmentStacks(client("cloudformation"), suffix)
    return Environment(
        suffix=suffix,
        router=ListenerRules(client("elbv2"), suffix),
        functions=Aliases(client("lambda"), suffix),
        api_stage=LiveStage(client("apigateway"), lambda: stacks.output("ApiId")),
        stacks=stacks,
        alarms=StackAlarms(client("cloudwatch"), stacks.alarm_names),
        metrics=ColourMetrics(client("cloudwatch"), suffix),
        preview=PreviewStages(session, suffix, stacks.output),
        store=ParameterStore(client("ssm"), suffix),
        ledger=LedgerTable(client("dynamodb"), suffix),
        events=DecisionLog(
            table=client("dynamodb"),
            bucket=client("s3"),
            topic=client("sns"),
            identity=client("sts"),
            suffix=suffix,
            region=session.region_name,
            progress=progress,
        ),
        clock=clock,
        refresh=lambda: (own := session.get_credentials()) and own.get_frozen_credentials(),
        progress=progress,
        by=by,
    )
