"""From the payments table to the audit bucket."""

import json

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

# Stream records live for a day; what fails this often needs a person, who finds it in the queue.
RETRIES = 20
BATCH = 100
# Every step of a payment is a new item, never a change of one.
EVENTS_ONLY = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVT#"}]}}}}


class AuditTrail(Construct):
    """Hands every event of a payment to `function`, in order per payment, at least once.

    A batch that fails is halved until the record that fails is alone; after `RETRIES` it goes to `failures`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stream_arn: str,
        function: lambda_.IFunction,
        failures: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        source = lambda_.CfnEventSourceMapping(
            self,
            "Source",
            event_source_arn=stream_arn,
            function_name=function.function_arn,
            starting_position="TRIM_HORIZON",
            batch_size=BATCH,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            maximum_retry_attempts=RETRIES,
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(EVENTS_ONLY))]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=failures.queue_arn)
            ),
        )
        # Lambda checks the role's permissions when the source is made.
        if function.role:
            source.node.add_dependency(function.role)
