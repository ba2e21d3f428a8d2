"""A stack's execution role may do what its policies say and nothing else, for every resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.engine.embedded import EmbeddedAws, Stack, StackFailedError, settled, template
from tests.engine.test_access import allow, make_role, policy
from tests.engine.test_functions import function, role

GROUP = {"LogGroupName": "/payments"}
TRANSFORMATION = {"MetricNamespace": "x", "MetricName": "y", "MetricValue": "1"}
ALARM = {
    "Namespace": "x",
    "MetricName": "y",
    "Statistic": "Sum",
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanThreshold",
}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


# Of ministack's own types and of ours.
RESOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "Topic": ("sns:CreateTopic", resource("AWS::SNS::Topic", TopicName="payments")),
    "Parameter": ("ssm:PutParameter", resource("AWS::SSM::Parameter", Name="/payments/a", Type="String", Value="1")),
    "Bucket": ("s3:CreateBucket", resource("AWS::S3::Bucket", BucketName="payments-of-roles")),
    "Group": ("logs:CreateLogGroup", resource("AWS::Logs::LogGroup", **GROUP)),
    "Key": ("kms:CreateKey", resource("AWS::KMS::Key", KeyPolicy={"Version": "2012-10-17", "Statement": []})),
    "Made": ("iam:CreateRole", role()),
    "Function": ("iam:PassRole", {**function(), "DependsOn": "Made"}),
    "Alarm": ("cloudwatch:PutMetricAlarm", resource("AWS::CloudWatch::Alarm", **ALARM)),
    "Address": ("ec2:AllocateAddress", resource("AWS::EC2::EIP", Domain="vpc")),
    "Targets": (
        "elasticloadbalancing:CreateTargetGroup",
        resource("AWS::ElasticLoadBalancingV2::TargetGroup", Name="payments", TargetType="lambda"),
    ),
    "Api": ("apigateway:POST", resource("AWS::ApiGateway::RestApi", Name="payments")),
    "Validator": (
        "apigateway:POST",
        {**resource("AWS::ApiGateway::RequestValidator", Name="x", RestApiId={"Ref": "Api"}), "DependsOn": "Api"},
    ),
    "Filter": (
        "logs:PutMetricFilter",
        {
            **resource("AWS::Logs::MetricFilter", **GROUP, FilterPattern="x", MetricTransformations=[TRANSFORMATION]),
            "DependsOn": "Group",
        },
    ),
}


def execution_role(engine: EmbeddedAws, account: str, *denied: str) -> str:
    """A role for CloudFormation that may do everything but `denied`."""
    statements = [allow("*", "*"), *({"Effect": "Deny", "Action": action, "Resource": "*"} for action in denied)]
    iam = engine.client("iam", account=account)
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName="exec", AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="exec", PolicyName="x", PolicyDocument=policy(*statements))
    return str(made)


def deny(engine: EmbeddedAws, account: str, action: str) -> None:
    document = policy(allow("*", "*"), {"Effect": "Deny", "Action": action, "Resource": "*"})
    engine.client("iam", account=account).put_role_policy(RoleName="exec", PolicyName="x", PolicyDocument=document)


def create(engine: EmbeddedAws, account: str, resources: Mapping[str, Any], role_arn: str) -> Stack:
    client = engine.client("cloudformation", account=account)
    made = client.create_stack(
        StackName="by-role",
        TemplateBody=template(resources),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        RoleARN=role_arn,
    )
    return settled(client, made["StackId"])


def test_a_role_with_all_permissions_deploys_and_is_kept_with_the_stack(engine: EmbeddedAws, account: str) -> None:
    arn = execution_role(engine, account)

    stack = create(engine, account, only(*RESOURCES), arn)

    assert stack.client.describe_stacks(StackName="by-role")["Stacks"][0]["RoleARN"] == arn
    stack.delete()


def only(*names: str) -> dict[str, Any]:
    """These resources with what they depend on."""
    found = {name: RESOURCES[name][1] for name in names}
    for made in list(found.values()):
        if "DependsOn" in made:
            found |= only(made["DependsOn"])
    if "Function" in found:
        text = json.dumps(found["Function"]).replace('"Role", "Arn"', '"Made", "Arn"')
        found["Function"] = json.loads(text)
    return found


@pytest.mark.parametrize("name", RESOURCES)
def test_a_role_that_lacks_one_permission_fails(engine: EmbeddedAws, account: str, name: str) -> None:
    action = RESOURCES[name][0]
    arn = execution_role(engine, account, action)

    with pytest.raises(StackFailedError, match=rf"ROLLBACK_COMPLETE.*{action}|ROLLBACK_COMPLETE.*AccessDenied"):
        create(engine, account, only(name), arn)


@pytest.mark.parametrize(
    ("action", "made"),
    [
        ("sns:TagResource", resource("AWS::SNS::Topic", TopicName="t", Tags=[{"Key": "a", "Value": "b"}])),
        ("logs:PutRetentionPolicy", resource("AWS::Logs::LogGroup", LogGroupName="/g", RetentionInDays=7)),
        (
            "s3:PutBucketVersioning",
            resource("AWS::S3::Bucket", BucketName="kept-by-versions", VersioningConfiguration={"Status": "Enabled"}),
        ),
    ],
)
def test_a_property_may_need_a_permission_of_its_own(
    engine: EmbeddedAws, account: str, action: str, made: dict[str, Any]
) -> None:
    arn = execution_role(engine, account, action)

    with pytest.raises(StackFailedError, match=rf"ROLLBACK_COMPLETE.*{action}"):
        create(engine, account, {"Made": made}, arn)


def test_an_update_without_a_role_uses_the_one_before_and_touches_only_what_changed(
    engine: EmbeddedAws, account: str
) -> None:
    arn = execution_role(engine, account)
    stack = create(engine, account, only("Topic", "Parameter"), arn)
    deny(engine, account, "ssm:PutParameter")

    changed = only("Topic", "Parameter")
    changed["Topic"] = resource("AWS::SNS::Topic", TopicName="payments", DisplayName="new")
    stack = stack.update(TemplateBody=template(changed))
    changed["Parameter"] = resource("AWS::SSM::Parameter", Name="/payments/a", Type="String", Value="2")
    with pytest.raises(StackFailedError, match=r"UPDATE_ROLLBACK_COMPLETE.*ssm:PutParameter"):
        stack.update(TemplateBody=template(changed))

    deny(engine, account, "sns:DeleteTopic")
    with pytest.raises(StackFailedError, match=r"DELETE_FAILED.*sns:DeleteTopic"):
        stack.delete()


def test_a_role_that_does_not_trust_cloudformation_is_invalid(engine: EmbeddedAws, account: str) -> None:
    arn = make_role(engine, account, "person", allow("*", "*"))

    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        create(engine, account, only("Topic"), arn)


def test_who_may_not_pass_the_role_cannot_use_it(engine: EmbeddedAws, account: str) -> None:
    arn = execution_role(engine, account)
    person = make_role(engine, account, "person", allow("cloudformation:*", "*"))
    client = engine.client_of(engine.assume(person, account=account), "cloudformation")

    with pytest.raises(ClientError, match="iam:PassRole"):
        client.create_stack(StackName="by-role", TemplateBody=template(only("Topic")), RoleARN=arn)


@pytest.mark.parametrize(("more", "complaint"), [((), "ssm:GetParameters"), (("ssm:GetParameters",), "")])
def test_parameters_are_read_with_the_permissions_of_who_deploys(
    engine: EmbeddedAws, account: str, more: tuple[str, ...], complaint: str
) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html"""
    execution = execution_role(engine, account)
    engine.client("ssm", account=account).put_parameter(Name="/payment/a", Type="String", Value="seen")
    parameter = f"arn:aws:ssm:us-east-1:{account}:parameter/payment/a"
    grants = [allow("cloudformation:*", "*"), allow("iam:PassRole", execution)]
    person = make_role(engine, account, "person", *grants, *(allow(action, parameter) for action in more))
    client = engine.client_of(engine.assume(person, account=account), "cloudformation")
    body = template(
        {"Topic": resource("AWS::SNS::Topic", DisplayName={"Ref": "Given"})},
        outputs={"Seen": {"Ref": "Given"}},
        Parameters={"Given": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/payment/a"}},
    )

    def deploy() -> Stack:
        made = client.create_stack(StackName="by-person", TemplateBody=body, RoleARN=execution)
        return settled(client, made["StackId"])

    if complaint:
        with pytest.raises(ClientError, match=complaint):
            deploy()
    else:
        assert deploy().outputs == {"Seen": "seen"}


def test_without_a_role_the_caller_deploys_with_his_own_permissions(engine: EmbeddedAws, account: str) -> None:
    person = make_role(engine, account, "person", allow("cloudformation:*", "*"), allow("sns:*", "*"))
    client = engine.client_of(engine.assume(person, account=account), "cloudformation")

    made = client.create_stack(StackName="by-person", TemplateBody=template(only("Topic", "Address")))

    with pytest.raises(StackFailedError, match="ec2:AllocateAddress"):
        settled(client, made["StackId"])


def test_a_change_set_keeps_its_role_until_it_is_executed(engine: EmbeddedAws, account: str) -> None:
    """As CDK and CodePipeline deploy: a role that may do no more than work with change sets and pass the other role."""
    execution = execution_role(engine, account, "ec2:AllocateAddress")
    person = make_role(engine, account, "person", allow("cloudformation:*", "*"), allow("iam:PassRole", execution))
    client = engine.client_of(engine.assume(person, account=account), "cloudformation")
    for kind, names in (("CREATE", ("Topic",)), ("UPDATE", ("Topic", "Address"))):
        change_set = client.create_change_set(
            StackName="changes",
            ChangeSetName=kind,
            ChangeSetType=kind,
            TemplateBody=template(only(*names)),
            RoleARN=execution,
        )
        client.get_waiter("change_set_create_complete").wait(ChangeSetName=change_set["Id"], WaiterConfig={"Delay": 1})
        client.execute_change_set(ChangeSetName=kind, StackName="changes")
        if kind == "CREATE":
            settled(client, change_set["StackId"])

    with pytest.raises(StackFailedError, match=r"UPDATE_ROLLBACK_COMPLETE.*AllocateAddress"):
        settled(client, change_set["StackId"])
