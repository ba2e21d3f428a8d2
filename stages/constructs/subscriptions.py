"""Who hears what a topic says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# Three quick tries, then slower ones for about twenty minutes; then the message goes to the dead letters.
DELIVERY: Final = {
    "healthyRetryPolicy": {
        "minDelayTarget": 1,
        "maxDelayTarget": 60,
        "numRetries": 30,
        "numNoDelayRetries": 3,
        "backoffFunction": "exponential",
    }
}


class Subscriptions(Construct):
    """Subscribes `endpoints` to a topic: programs by https, people by e-mail.

    A program gets each message as it was published, and what it does not take in goes to `dead_letters`. People get
    what `filter_for_people` lets through, all of it where that is None.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic,
        endpoints: Sequence[str],
        dead_letters: sqs.IQueue,
        filter_for_people: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        for number, endpoint in enumerate(endpoints, start=1):
            if endpoint.startswith("https://"):
                sns.CfnSubscription(
                    self,
                    f"Program{number}",
                    topic_arn=topic.topic_arn,
                    protocol="https",
                    endpoint=endpoint,
                    raw_message_delivery=True,
                    delivery_policy=DELIVERY,
                    redrive_policy={"deadLetterTargetArn": dead_letters.queue_arn},
                )
            else:
                sns.CfnSubscription(
                    self,
                    f"Person{number}",
                    topic_arn=topic.topic_arn,
                    protocol="email",
                    endpoint=endpoint,
                    filter_policy=filter_for_people,
                    filter_policy_scope="MessageBody" if filter_for_people else None,
                )


def allow_topics(queue: sqs.Queue, *, topic_names: Sequence[str]) -> None:
    """Let these topics of the queue's account put what they could not deliver into `queue`."""
    stack = Stack.of(queue)
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Topics",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={
                "ArnEquals": {
                    "aws:SourceArn": [f"arn:aws:sns:{stack.region}:{stack.account}:{name}" for name in topic_names]
                }
            },
        )
    )
