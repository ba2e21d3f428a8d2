"""Further IAM actions that a property costs where it is set or changed, of the types in `actions`.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

EC2_TAGS = {"Tags": "ec2:CreateTags"}
LAMBDA_TAGS = {"Tags": "lambda:TagResource"}
RDS_TAGS = {"Tags": "rds:AddTagsToResource"}

PROPERTY_ACTIONS: dict[str, dict[str, str]] = {
    "AWS::ApiGateway::RestApi": {"Policy": "apigateway:UpdateRestApiPolicy"},
    "AWS::DynamoDB::Table": {"Tags": "dynamodb:TagResource"},
    "AWS::EC2::InternetGateway": EC2_TAGS,
    "AWS::EC2::RouteTable": EC2_TAGS,
    "AWS::EC2::SecurityGroup": {
        **EC2_TAGS,
        "SecurityGroupEgress": "ec2:AuthorizeSecurityGroupEgress",
        "SecurityGroupIngress": "ec2:AuthorizeSecurityGroupIngress",
    },
    "AWS::EC2::Subnet": EC2_TAGS,
    "AWS::EC2::VPC": {
        **EC2_TAGS,
        "EnableDnsHostnames": "ec2:ModifyVpcAttribute",
        "EnableDnsSupport": "ec2:ModifyVpcAttribute",
    },
    "AWS::IAM::ManagedPolicy": {"Roles": "iam:AttachRolePolicy"},
    "AWS::IAM::Role": {
        "ManagedPolicyArns": "iam:AttachRolePolicy",
        "Policies": "iam:PutRolePolicy",
        "Tags": "iam:TagRole",
    },
    "AWS::KMS::Key": {"EnableKeyRotation": "kms:EnableKeyRotation", "Tags": "kms:TagResource"},
    "AWS::Lambda::EventSourceMapping": LAMBDA_TAGS,
    "AWS::Lambda::Function": LAMBDA_TAGS,
    "AWS::Logs::LogGroup": {
        "KmsKeyId": "logs:AssociateKmsKey",
        "RetentionInDays": "logs:PutRetentionPolicy",
        "Tags": "logs:TagResource",
    },
    "AWS::RDS::DBCluster": RDS_TAGS,
    "AWS::RDS::DBClusterParameterGroup": RDS_TAGS,
    "AWS::RDS::DBInstance": RDS_TAGS,
    "AWS::RDS::DBSubnetGroup": RDS_TAGS,
    "AWS::S3::Bucket": {
        "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "PublicAccessBlockConfiguration": "s3:PutBucketPublicAccessBlock",
        "VersioningConfiguration": "s3:PutBucketVersioning",
    },
    "AWS::SNS::Topic": {"Tags": "sns:TagResource"},
    "AWS::SQS::Queue": {"Tags": "sqs:TagQueue"},
    "AWS::SSM::Parameter": {"Tags": "ssm:AddTagsToResource"},
    "AWS::WAFv2::WebACL": {"Tags": "wafv2:TagResource"},
}


def further_actions(
    resource_type: str, properties: Mapping[str, Any], previous: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Each property that is set or changed and costs an action of its own, with that action."""
    for name, action in PROPERTY_ACTIONS.get(resource_type, {}).items():
        value = _own(name, properties.get(name))
        if value and value != _own(name, previous.get(name)):
            yield name, action


def _own(name: str, value: Any) -> Any:
    """CloudFormation's own tags, which it adds to every resource, cost the role nothing."""
    if name != "Tags" or not isinstance(value, list):
        return value
    return [tag for tag in value if not str(tag.get("Key", "")).startswith("aws:")]
