"""What IAM remembers never outlives what it was made of."""

from __future__ import annotations

import pytest

from tests.engine.embedded import EmbeddedAws
from tests.engine.test_access import allow, make_role, policy


def test_a_changed_policy_holds_at_the_next_call(engine: EmbeddedAws, account: str) -> None:
    arn = make_role(engine, account, "changing")
    iam = engine.client("iam", account=account)
    sqs = engine.client_of(engine.assume(arn, account=account), "sqs")

    def permit(action: str) -> None:
        iam.put_role_policy(RoleName="changing", PolicyName="only", PolicyDocument=policy(allow(action, "*")))

    for _ in range(2):
        permit("sqs:ListQueues")
        assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        permit("sqs:CreateQueue")
        with pytest.raises(sqs.exceptions.ClientError, match="AccessDenied"):
            sqs.list_queues()


def test_callers_are_not_mixed_up(engine: EmbeddedAws, account: str) -> None:
    arns = [make_role(engine, account, name) for name in ("one", "other")]
    iam = engine.client("iam", account=account)
    iam.put_role_policy(RoleName="one", PolicyName="only", PolicyDocument=policy(allow("sqs:ListQueues", "*")))
    one, other = (engine.client_of(engine.assume(arn, account=account), "sqs") for arn in arns)

    for _ in range(3):
        assert one.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(other.exceptions.ClientError, match="AccessDenied"):
            other.list_queues()
