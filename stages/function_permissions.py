"""What each function may do, action by action, on the resources it needs."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs

from release import names
from release.names import Colour
from stages.data import DataStack
from stages.security import SecurityStack


class FunctionPermissions:
    """The statements of every function's role, beyond what all functions have."""

    def __init__(self, *, data: DataStack, security: SecurityStack) -> None:
        self._data = data
        self._security = security

    def validation(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                sid="Fingerprint",
                actions=["kms:GenerateMac"],
                resources=[self._security.fingerprint_key.key_arn],
            ),
            self._invoke("processing"),
        ]

    def processing(self) -> list[iam.PolicyStatement]:
        data, security = self._data, self._security
        return [
            iam.PolicyStatement(
                sid="Idempotency",
                actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
                resources=[data.idempotency.table_arn],
            ),
            iam.PolicyStatement(
                sid="Transactions",
                actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"],
                resources=[data.transactions.table_arn],
            ),
            iam.PolicyStatement(
                sid="CustomersPayments",
                actions=["dynamodb:Query"],
                resources=[f"{data.transactions.table_arn}/index/by-customer"],
            ),
            self._read_secrets(data.app_secret_arn),
            iam.PolicyStatement(
                sid="FailedTransactions",
                actions=["sns:Publish"],
                resources=[security.failed_transactions.topic_arn],
            ),
            iam.PolicyStatement(
                sid="EncryptMessages",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[security.messages_key.key_arn],
            ),
            self._invoke("fraud"),
        ]

    def fraud(self) -> list[iam.PolicyStatement]:
        return [
            iam.PolicyStatement(
                sid="Velocity",
                actions=["dynamodb:UpdateItem", "dynamodb:BatchGetItem"],
                resources=[self._data.velocity.table_arn],
            )
        ]

    def sweeper(self) -> list[iam.PolicyStatement]:
        data, security = self._data, self._security
        return [
            self._hand_over_failures(),
            iam.PolicyStatement(
                sid="OpenPayments",
                actions=["dynamodb:Query"],
                resources=[f"{data.transactions.table_arn}/index/open-payments"],
            ),
            iam.PolicyStatement(
                sid="Transactions",
                actions=["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                resources=[data.transactions.table_arn],
            ),
            iam.PolicyStatement(
                sid="FailedTransactions",
                actions=["sns:Publish"],
                resources=[security.failed_transactions.topic_arn],
            ),
            iam.PolicyStatement(
                sid="EncryptMessages",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[security.messages_key.key_arn],
            ),
        ]

    def rotation(self) -> list[iam.PolicyStatement]:
        return [
            self._hand_over_failures(),
            iam.PolicyStatement(
                sid="EncryptMessages",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self._security.messages_key.key_arn],
            ),
            iam.PolicyStatement(
                sid="Rotate",
                actions=[
                    "secretsmanager:DescribeSecret",
                    "secretsmanager:PutSecretValue",
                    "secretsmanager:UpdateSecretVersionStage",
                ],
                resources=[_with_random_part(self._data.app_secret_arn)],
            ),
            self._read_secrets(self._data.app_secret_arn, self._data.admin_secret_arn),
        ]

    def migration(self) -> list[iam.PolicyStatement]:
        return [self._read_secrets(self._data.app_secret_arn, self._data.admin_secret_arn)]

    @property
    def audit_records(self) -> str:
        bucket = names.audit_bucket(self._data.suffix, self._data.account)
        return f"arn:aws:s3:::{bucket}/*/*.json"

    def audit(self, failures: sqs.IQueue) -> list[iam.PolicyStatement]:
        data, security = self._data, self._security
        return [
            iam.PolicyStatement(
                sid="Stream",
                actions=["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
                resources=[str(data.transactions.table_stream_arn)],
            ),
            iam.PolicyStatement(sid="Streams", actions=["dynamodb:ListStreams"], resources=["*"]),
            # Neither reading nor deleting: what has been written is out of the function's reach.
            iam.PolicyStatement(sid="Records", actions=["s3:PutObject"], resources=[self.audit_records]),
            iam.PolicyStatement(
                sid="EncryptRecords",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[security.audit_key.key_arn],
            ),
            iam.PolicyStatement(sid="Failures", actions=["sqs:SendMessage"], resources=[failures.queue_arn]),
            iam.PolicyStatement(
                sid="EncryptMessages",
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[security.messages_key.key_arn],
            ),
        ]

    def _hand_over_failures(self) -> iam.PolicyStatement:
        """Lambda puts an event that failed into the queue with the function's own rights."""
        return iam.PolicyStatement(
            sid="Undelivered", actions=["sqs:SendMessage"], resources=[self._security.undelivered.queue_arn]
        )

    def _invoke(self, name: str) -> iam.PolicyStatement:
        """By both colours' aliases and never without one: a colour calls its own."""
        stack = self._data
        function = names.function(stack.suffix, name)
        arn = f"arn:aws:lambda:{stack.region}:{stack.account}:function:{function}"
        return iam.PolicyStatement(
            sid="Invoke", actions=["lambda:InvokeFunction"], resources=[f"{arn}:{colour}" for colour in Colour]
        )

    @staticmethod
    def _read_secrets(*arns: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid="ReadSecrets",
            actions=["secretsmanager:GetSecretValue"],
            resources=[_with_random_part(arn) for arn in arns],
        )


def _with_random_part(secret_arn: str) -> str:
    """The ARN as IAM compares it: with the six characters that Secrets Manager appends to the name."""
    return f"{secret_arn}-??????"
