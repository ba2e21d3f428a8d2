"""The AWS services that the functions call, in memory, and the functions calling one another through them."""

# ruff: noqa: N803 - the arguments are spelled as boto3 spells them

import hashlib
import hmac
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.functions.dynamodb import FakeDynamoDb

ACCOUNT = "222222222222"
MERCHANT = {
    "x-caller-account": "555555555555",
    "x-caller-id": "AROAMERCHANT:session-1",
    "x-source-address": "192.0.2.1",
}
SECRET_ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:payment/test/database/app"
ADMIN_SECRET_ARN = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:payment/test/database/admin"


@dataclass
class FakeContext:
    """Lambda's context object."""

    invoked_function_arn: str
    function_version: str = "7"
    remaining_milliseconds: int = 9000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_milliseconds


def context(function: str, *, colour: str = "blue") -> FakeContext:
    """The context of an invocation through a colour's alias."""
    return FakeContext(f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:payment-test-{function}:{colour}")


class FakeKms:
    """HMAC under a key that nobody else has."""

    def __init__(self) -> None:
        self.calls = 0
        self.failure: Exception | None = None

    def generate_mac(self, *, KeyId: str, MacAlgorithm: str, Message: bytes) -> Any:
        self.calls += 1
        if self.failure:
            raise self.failure
        assert (KeyId, MacAlgorithm) == ("key-1", "HMAC_SHA_256")
        return {"Mac": hmac.new(b"only in this fake", Message, hashlib.sha256).digest()}


class FakeLambda:
    """Invokes handlers in this process and keeps what was sent between them."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[Any, Any], Any]] = {}
        self.payloads: list[bytes] = []
        self.qualifiers: list[str] = []
        self.failure: Exception | None = None
        self.failing: str | None = None
        self.crashing: str | None = None

    def invoke(self, *, FunctionName: str, Qualifier: str, Payload: bytes) -> Any:
        self.payloads.append(Payload)
        self.qualifiers.append(Qualifier)
        if self.failure and self.failing in (None, FunctionName):
            raise self.failure
        if self.crashing == FunctionName:
            error = {"errorType": "Sandbox.Timedout"}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(error).encode())}
        name = FunctionName.removeprefix("payment-test-")
        answer = self.handlers[FunctionName](json.loads(Payload), context(name, colour=Qualifier))
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(answer).encode())}


class FakeSns:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.failure: Exception | None = None

    def publish(self, *, TopicArn: str, Message: str) -> Any:
        if self.failure:
            raise self.failure
        self.messages.append(Message)
        return {}


class FakeS3:
    """Objects by bucket and key; a write may ask that there is none yet."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.failure: ClientError | None = None
        self.failing_key: str | None = None

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str, IfNoneMatch: str) -> Any:
        assert (ContentType, IfNoneMatch) == ("application/json", "*")
        if self.failure:
            raise self.failure
        if Key == self.failing_key:
            raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "PutObject")
        if (Bucket, Key) in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.objects[Bucket, Key] = Body
        return {}


class FakeSsm:
    """Parameters below one path, ten at a time."""

    exceptions = SimpleNamespace(InvalidKeyId=LookupError, InternalServerError=ConnectionError)

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.reads = 0

    def get_parameters(self, *, Names: list[str]) -> Any:
        assert len(Names) <= 10
        self.reads += 1
        known = {f"/payment/test/config/{name}": value for name, value in self.values.items()}
        return {
            "Parameters": [{"Name": name, "Value": known[name]} for name in Names if name in known],
            "InvalidParameters": [name for name in Names if name not in known],
        }


class _ResourceNotFound(ClientError):
    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetSecretValue")


@dataclass
class FakeSecret:
    """Versions by id, and which version each stage label is on."""

    values: dict[str, str] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)


class FakeSecrets:
    """Secrets Manager with versions and stages."""

    exceptions = SimpleNamespace(ResourceNotFoundException=_ResourceNotFound)

    def __init__(self) -> None:
        self.secrets: dict[str, FakeSecret] = {}
        self.reads = 0

    def store(self, arn: str, username: str, password: str, *, version: str = "v0") -> None:
        """Put a new current version."""
        secret = self.secrets.setdefault(arn, FakeSecret())
        secret.values[version] = json.dumps({"username": username, "password": password})
        secret.stages["AWSCURRENT"] = version

    def current(self, arn: str) -> dict[str, str]:
        secret = self.secrets[arn]
        value: dict[str, str] = json.loads(secret.values[secret.stages["AWSCURRENT"]])
        return value

    def begin_rotation(self, arn: str, token: str) -> None:
        """As the service does it: the new version is pending before it has a value."""
        self.secrets[arn].stages["AWSPENDING"] = token

    def describe_secret(self, *, SecretId: str) -> Any:
        stages: dict[str, list[str]] = {}
        for label, version in self.secrets[SecretId].stages.items():
            stages.setdefault(version, []).append(label)
        return {"VersionIdsToStages": stages, "RotationEnabled": True}

    def get_secret_value(
        self,
        *,
        SecretId: str,
        VersionId: str | None = None,
        VersionStage: str = "AWSCURRENT",
    ) -> Any:
        self.reads += 1
        secret = self.secrets[SecretId]
        version = VersionId or secret.stages.get(VersionStage, "")
        if version not in secret.values or secret.stages.get(VersionStage) != version:
            raise _ResourceNotFound
        return {"SecretString": secret.values[version]}

    def put_secret_value(
        self,
        *,
        SecretId: str,
        ClientRequestToken: str,
        SecretString: str,
        VersionStages: list[str],
    ) -> Any:
        secret = self.secrets[SecretId]
        assert secret.values.setdefault(ClientRequestToken, SecretString) == SecretString
        for label in VersionStages:
            secret.stages[label] = ClientRequestToken
        return {}

    def update_secret_version_stage(
        self,
        *,
        SecretId: str,
        VersionStage: str,
        MoveToVersionId: str,
        RemoveFromVersionId: str,
    ) -> Any:
        stages = self.secrets[SecretId].stages
        assert stages[VersionStage] == RemoveFromVersionId
        stages["AWSPREVIOUS"], stages[VersionStage] = RemoveFromVersionId, MoveToVersionId
        return {}


PARAMETERS = {
    "transactions-table-name": "transactions",
    "idempotency-table-name": "idempotency",
    "velocity-table-name": "velocity",
    "audit-bucket-name": "payment-test-audit",
    "fingerprint-key-id": "key-1",
    "processing-function-name": "payment-test-processing",
    "fraud-function-name": "payment-test-fraud",
    "failed-transactions-topic-arn": "arn:aws:sns:us-east-1:222222222222:payment-test-failed-transactions",
    "database-secret-arn": SECRET_ARN,
    "database-admin-secret-arn": ADMIN_SECRET_ARN,
    "database-host": "127.0.0.1",
    "database-port": "1",
    "database-name": "payments",
    "database-ssl-mode": "prefer",
    "velocity-limit-per-card": "5",
    "velocity-limit-per-customer": "20",
    "velocity-limit-per-address": "1000",
    "velocity-window-seconds": "60",
    "fraud-amount-high-minor": "500000",
    "fraud-review-score": "65",
    "fraud-decline-score": "75",
    "fraud-budget-milliseconds": "5000",
    "fraud-open-up-to-minor": "0",
    "amount-maximum-minor": "1000000",
    "amount-maximum-by-currency": "IDR=16000000000",
    "authorization-expires-days": "7",
}


@dataclass
class FakeCloud:
    """Everything behind `boto3`."""

    dynamodb: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    kms: FakeKms = field(default_factory=FakeKms)
    s3: FakeS3 = field(default_factory=FakeS3)
    sns: FakeSns = field(default_factory=FakeSns)
    ssm: FakeSsm = field(default_factory=lambda: FakeSsm(dict(PARAMETERS)))
    secretsmanager: FakeSecrets = field(default_factory=FakeSecrets)
    functions: FakeLambda = field(default_factory=FakeLambda)

    def client(self, service: str, **_options: Any) -> Any:
        """What `boto3.client` returns."""
        return self.functions if service == "lambda" else getattr(self, service)

    def stored(self) -> str:
        """All items of all tables, for searching."""
        return json.dumps({name: self.dynamodb.items(name) for name in self.dynamodb.tables}, default=sorted)
