"""Alarms that tell people."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from release import names
from stages.configuration import RUNBOOKS_URL

PERIOD = Duration.minutes(1)
# A release is watched in steps of seconds: this is the finest that an alarm can look at.
RELEASE_PERIOD = Duration.seconds(10)


class PaymentAlarms(Construct):
    """Alarms named `payment-<suffix>-<role>` that publish to `topic` when they go off and when they recover."""

    def __init__(self, scope: Construct, construct_id: str, *, suffix: str, topic: sns.ITopic) -> None:
        super().__init__(scope, construct_id)
        self._suffix = suffix
        self._action = actions.SnsAction(topic)
        self.all: list[cloudwatch.Alarm] = []

    def above(
        self,
        role: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        description: str,
        runbook: str,
        at_once: bool = False,
    ) -> None:
        """Go off when `metric` is above `threshold` in two of the last three periods, or `at_once` in one.

        The description ends with the address of the page `docs/runbooks/<runbook>.md`. No data is no trouble: these
        metrics are written only while there is traffic.
        """
        alarm = cloudwatch.Alarm(
            self,
            "".join(word.capitalize() for word in role.split("-")),
            alarm_name=names.resource(self._suffix, role),
            alarm_description=f"{description}. What to do: {RUNBOOKS_URL}/{runbook}.md",
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1 if at_once else 3,
            datapoints_to_alarm=1 if at_once else 2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self.all.append(alarm)
