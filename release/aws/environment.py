"""Composition: an environment's ports, with one client per service."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from release.aws.alarms import StackAlarms
from release.aws.api_stage import LiveStage
from release.aws.events import DecisionLog
from release.aws.functions import Aliases
from release.aws.ledger import LedgerTable
from release.aws.load_balancer import ListenerRules
from release.aws.metrics import ColourMetrics
from release.aws.parameters import ParameterStore
from release.aws.preview import PreviewStages
from release.aws.session import CLIENT_CONFIG
from release.aws.stacks import EnvironmentStacks
from release.ports import Clock, Environment

if TYPE_CHECKING:
    import boto3


def connect(
    session: "boto3.Session", suffix: str, *, clock: Clock, progress: Callable[[str], None], by: str
) -> Environment:
    stacks = EnvironmentStacks(session.client("cloudformation", config=CLIENT_CONFIG), suffix)
    return Environment(
        suffix=suffix,
        router=ListenerRules(session.client("elbv2", config=CLIENT_CONFIG), suffix),
        functions=Aliases(session.client("lambda", config=CLIENT_CONFIG), suffix),
        api_stage=LiveStage(session.client("apigateway", config=CLIENT_CONFIG), lambda: stacks.output("ApiId")),
        stacks=stacks,
        alarms=StackAlarms(session.client("cloudwatch", config=CLIENT_CONFIG), stacks.alarm_names),
        metrics=ColourMetrics(session.client("cloudwatch", config=CLIENT_CONFIG), suffix),
        preview=PreviewStages(session, suffix, stacks.output),
        store=ParameterStore(session.client("ssm", config=CLIENT_CONFIG), suffix),
        ledger=LedgerTable(session.client("dynamodb", config=CLIENT_CONFIG), suffix),
        events=DecisionLog(
            table=session.client("dynamodb", config=CLIENT_CONFIG),
            bucket=session.client("s3", config=CLIENT_CONFIG),
            topic=session.client("sns", config=CLIENT_CONFIG),
            identity=session.client("sts", config=CLIENT_CONFIG),
            suffix=suffix,
            region=session.region_name,
            progress=progress,
        ),
        clock=clock,
        progress=progress,
        by=by,
    )
