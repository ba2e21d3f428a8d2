"""Subscriptions with their dead letters, and ways to AWS within a network.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcendpoint.html
"""

from __future__ import annotations

import json

from tests.engine.embedded import EmbeddedAws


def test_a_subscription_has_what_the_template_says(engine: EmbeddedAws, account: str) -> None:
    person = {
        "TopicArn": {"Ref": "Topic"},
        "Protocol": "email",
        "Endpoint": "on-call@example.com",
        "FilterPolicy": {"retryable": [False]},
        "FilterPolicyScope": "MessageBody",
    }
    program = {
        "TopicArn": {"Ref": "Topic"},
        "Protocol": "https",
        "Endpoint": "https://pager.example.com/hook",
        "RawMessageDelivery": True,
        "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Letters", "Arn"]}},
        "DeliveryPolicy": {"healthyRetryPolicy": {"numRetries": 3}},
    }
    stack = engine.deploy(
        {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts"}},
            "Letters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "undelivered"}},
            "Person": {"Type": "AWS::SNS::Subscription", "Properties": person},
            "Program": {"Type": "AWS::SNS::Subscription", "Properties": program},
        },
        account=account,
        outputs={
            "Topic": {"Ref": "Topic"},
            "Program": {"Ref": "Program"},
            "Letters": {"Fn::GetAtt": ["Letters", "Arn"]},
        },
    )
    sns = engine.client("sns", account=account)

    found = sns.list_subscriptions_by_topic(TopicArn=stack.outputs["Topic"])["Subscriptions"]
    assert {(s["Protocol"], s["Endpoint"]) for s in found} == {
        ("email", "on-call@example.com"),
        ("https", "https://pager.example.com/hook"),
    }
    attributes = sns.get_subscription_attributes(SubscriptionArn=stack.outputs["Program"])["Attributes"]
    assert attributes["RawMessageDelivery"] == "true"
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": stack.outputs["Letters"]}

    stack.delete()
    assert sns.list_subscriptions()["Subscriptions"] == []


def test_an_interface_endpoint_is_there_and_goes_with_its_stack(engine: EmbeddedAws, account: str) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:GenerateMac", "Resource": "*"}],
    }
    endpoint = {
        "VpcId": {"Ref": "Vpc"},
        "VpcEndpointType": "Interface",
        "ServiceName": "com.amazonaws.us-east-1.kms",
        "PrivateDnsEnabled": True,
        "SubnetIds": [{"Ref": "Subnet"}],
        "SecurityGroupIds": [{"Fn::GetAtt": ["Group", "GroupId"]}],
        "PolicyDocument": policy,
    }
    stack = engine.deploy(
        {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "Subnet": {
                "Type": "AWS::EC2::Subnet",
                "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.0.0/24"},
            },
            "Group": {
                "Type": "AWS::EC2::SecurityGroup",
                "Properties": {"GroupDescription": "endpoints", "VpcId": {"Ref": "Vpc"}},
            },
            "Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": endpoint},
        },
        account=account,
        outputs={"Subnet": {"Ref": "Subnet"}},
    )

    (found,) = engine.client("ec2", account=account).describe_vpc_endpoints()["VpcEndpoints"]
    assert (found["VpcEndpointType"], found["ServiceName"]) == ("Interface", "com.amazonaws.us-east-1.kms")
    assert found["SubnetIds"] == [stack.outputs["Subnet"]]

    stack.delete()
    assert engine.client("ec2", account=account).describe_vpc_endpoints()["VpcEndpoints"] == []
