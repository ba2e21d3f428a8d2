"""The IAM actions of the template types that call no API, as far as this application's templates use them.

Each is the action without which the type's handler cannot create, change or remove the resource.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from dataclasses import dataclass

EC2 = "arn:aws:ec2:{region}:{account}:"
RDS = "arn:aws:rds:{region}:{account}:"
FUNCTION = "arn:aws:lambda:{region}:{account}:function:"
ROLE = "arn:aws:iam::{account}:role/"
KEY = "arn:aws:kms:{region}:{account}:key/"
API = "arn:aws:apigateway:{region}::"
OF_API = API + "/restapis/{RestApiId}/"


@dataclass(frozen=True, kw_only=True)
class Actions:
    """`arn` is a pattern over the template's properties; `name` is the property `name_property`, else the id."""

    service: str
    create: tuple[str, ...]
    update: tuple[str, ...]
    delete: tuple[str, ...]
    arn: str
    name_property: str = ""


def _of(service: str, create: str, update: str, delete: str, arn: str, name_property: str = "") -> Actions:
    return Actions(
        service=service,
        create=tuple(create.split()),
        update=tuple(update.split()),
        delete=tuple(delete.split()),
        arn=arn,
        name_property=name_property,
    )


ACTIONS: dict[str, Actions] = {
    "AWS::ApiGateway::Account": _of("apigateway", "PATCH", "PATCH", "", API + "/account"),
    "AWS::ApiGateway::GatewayResponse": _of("apigateway", "PUT", "PUT", "DELETE", OF_API + "gatewayresponses"),
    "AWS::ApiGateway::Method": _of("apigateway", "PUT", "PUT", "DELETE", OF_API + "resources/{ResourceId}"),
    "AWS::ApiGateway::Model": _of("apigateway", "POST", "PATCH", "DELETE", OF_API + "models"),
    "AWS::ApiGateway::Resource": _of("apigateway", "POST", "PATCH", "DELETE", OF_API + "resources"),
    "AWS::ApiGateway::RestApi": _of("apigateway", "POST", "PATCH", "DELETE", API + "/restapis"),
    "AWS::CDK::Metadata": _of("cloudformation", "", "", "", "*"),
    "AWS::CloudWatch::Dashboard": _of(
        "cloudwatch",
        "PutDashboard",
        "PutDashboard",
        "DeleteDashboards",
        "arn:aws:cloudwatch::{account}:dashboard/{name}",
        "DashboardName",
    ),
    "AWS::CodeBuild::Project": _of(
        "codebuild",
        "CreateProject",
        "UpdateProject",
        "DeleteProject",
        "arn:aws:codebuild:{region}:{account}:project/{name}",
        "Name",
    ),
    "AWS::CodePipeline::Pipeline": _of(
        "codepipeline",
        "CreatePipeline",
        "UpdatePipeline",
        "DeletePipeline",
        "arn:aws:codepipeline:{region}:{account}:{name}",
        "Name",
    ),
    "AWS::DynamoDB::Table": _of(
        "dynamodb",
        "CreateTable",
        "UpdateTable",
        "DeleteTable",
        "arn:aws:dynamodb:{region}:{account}:table/{name}",
        "TableName",
    ),
    "AWS::EC2::InternetGateway": _of(
        "ec2", "CreateInternetGateway", "", "DeleteInternetGateway", EC2 + "internet-gateway/*"
    ),
    "AWS::EC2::Route": _of("ec2", "CreateRoute", "ReplaceRoute", "DeleteRoute", EC2 + "route-table/{RouteTableId}"),
    "AWS::EC2::RouteTable": _of("ec2", "CreateRouteTable", "", "DeleteRouteTable", EC2 + "route-table/*"),
    "AWS::EC2::SecurityGroup": _of("ec2", "CreateSecurityGroup", "", "DeleteSecurityGroup", EC2 + "security-group/*"),
    "AWS::EC2::Subnet": _of("ec2", "CreateSubnet", "ModifySubnetAttribute", "DeleteSubnet", EC2 + "subnet/*"),
    "AWS::EC2::SubnetRouteTableAssociation": _of(
        "ec2", "AssociateRouteTable", "", "DisassociateRouteTable", EC2 + "route-table/{RouteTableId}"
    ),
    "AWS::EC2::VPC": _of("ec2", "CreateVpc", "ModifyVpcAttribute", "DeleteVpc", EC2 + "vpc/*"),
    "AWS::EC2::VPCCidrBlock": _of("ec2", "AssociateVpcCidrBlock", "", "DisassociateVpcCidrBlock", EC2 + "vpc/{VpcId}"),
    "AWS::EC2::VPCEndpoint": _of(
        "ec2", "CreateVpcEndpoint", "ModifyVpcEndpoint", "DeleteVpcEndpoints", EC2 + "vpc-endpoint/*"
    ),
    "AWS::EC2::VPCGatewayAttachment": _of(
        "ec2", "AttachInternetGateway", "", "DetachInternetGateway", EC2 + "vpc/{VpcId}"
    ),
    "AWS::Events::Rule": _of(
        "events", "PutRule PutTargets", "PutRule", "DeleteRule", "arn:aws:events:{region}:{account}:rule/{name}", "Name"
    ),
    "AWS::IAM::ManagedPolicy": _of(
        "iam",
        "CreatePolicy",
        "CreatePolicyVersion",
        "DeletePolicy",
        "arn:aws:iam::{account}:policy/{name}",
        "ManagedPolicyName",
    ),
    "AWS::IAM::Policy": _of(
        "iam", "PutRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "arn:aws:iam::{account}:role/*"
    ),
    "AWS::IAM::Role": _of("iam", "CreateRole", "UpdateAssumeRolePolicy", "DeleteRole", ROLE + "{name}", "RoleName"),
    "AWS::KMS::Alias": _of(
        "kms", "CreateAlias", "UpdateAlias", "DeleteAlias", "arn:aws:kms:{region}:{account}:{name}", "AliasName"
    ),
    "AWS::KMS::Key": _of(
        "kms", "CreateKey", "PutKeyPolicy", "ScheduleKeyDeletion", "arn:aws:kms:{region}:{account}:key/*"
    ),
    "AWS::Lambda::Alias": _of("lambda", "CreateAlias", "UpdateAlias", "DeleteAlias", FUNCTION + "{FunctionName}"),
    "AWS::Lambda::EventInvokeConfig": _of(
        "lambda",
        "PutFunctionEventInvokeConfig",
        "PutFunctionEventInvokeConfig",
        "DeleteFunctionEventInvokeConfig",
        FUNCTION + "{FunctionName}",
    ),
    "AWS::Lambda::EventSourceMapping": _of(
        "lambda", "CreateEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping", "*"
    ),
    "AWS::Lambda::Function": _of(
        "lambda",
        "CreateFunction",
        "UpdateFunctionConfiguration",
        "DeleteFunction",
        FUNCTION + "{name}",
        "FunctionName",
    ),
    "AWS::Lambda::LayerVersion": _of(
        "lambda",
        "PublishLayerVersion",
        "",
        "DeleteLayerVersion",
        "arn:aws:lambda:{region}:{account}:layer:{name}",
        "LayerName",
    ),
    "AWS::Lambda::Permission": _of("lambda", "AddPermission", "", "RemovePermission", FUNCTION + "{FunctionName}"),
    "AWS::Lambda::Version": _of("lambda", "PublishVersion", "", "DeleteFunction", FUNCTION + "{FunctionName}"),
    "AWS::Logs::LogGroup": _of(
        "logs",
        "CreateLogGroup",
        "PutRetentionPolicy",
        "DeleteLogGroup",
        "arn:aws:logs:{region}:{account}:log-group:{name}",
        "LogGroupName",
    ),
    "AWS::RDS::DBCluster": _of(
        "rds", "CreateDBCluster", "ModifyDBCluster", "DeleteDBCluster", RDS + "cluster:{name}", "DBClusterIdentifier"
    ),
    "AWS::RDS::DBClusterParameterGroup": _of(
        "rds",
        "CreateDBClusterParameterGroup",
        "ModifyDBClusterParameterGroup",
        "DeleteDBClusterParameterGroup",
        RDS + "cluster-pg:{name}",
        "DBClusterParameterGroupName",
    ),
    "AWS::RDS::DBInstance": _of(
        "rds", "CreateDBInstance", "ModifyDBInstance", "DeleteDBInstance", RDS + "db:{name}", "DBInstanceIdentifier"
    ),
    "AWS::RDS::DBSubnetGroup": _of(
        "rds",
        "CreateDBSubnetGroup",
        "ModifyDBSubnetGroup",
        "DeleteDBSubnetGroup",
        RDS + "subgrp:{name}",
        "DBSubnetGroupName",
    ),
    "AWS::S3::Bucket": _of("s3", "CreateBucket", "", "DeleteBucket", "arn:aws:s3:::{name}", "BucketName"),
    "AWS::S3::BucketPolicy": _of(
        "s3", "PutBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy", "arn:aws:s3:::{Bucket}"
    ),
    "AWS::SNS::Subscription": _of("sns", "Subscribe", "SetSubscriptionAttributes", "Unsubscribe", "{TopicArn}"),
    "AWS::SNS::Topic": _of(
        "sns", "CreateTopic", "SetTopicAttributes", "DeleteTopic", "arn:aws:sns:{region}:{account}:{name}", "TopicName"
    ),
    "AWS::SNS::TopicPolicy": _of(
        "sns", "SetTopicAttributes", "SetTopicAttributes", "SetTopicAttributes", "arn:aws:sns:{region}:{account}:*"
    ),
    "AWS::SQS::Queue": _of(
        "sqs", "CreateQueue", "SetQueueAttributes", "DeleteQueue", "arn:aws:sqs:{region}:{account}:{name}", "QueueName"
    ),
    "AWS::SQS::QueuePolicy": _of(
        "sqs", "SetQueueAttributes", "SetQueueAttributes", "SetQueueAttributes", "arn:aws:sqs:{region}:{account}:*"
    ),
    "AWS::SSM::Parameter": _of(
        "ssm",
        "PutParameter",
        "PutParameter",
        "DeleteParameter",
        "arn:aws:ssm:{region}:{account}:parameter/{name}",
        "Name",
    ),
    "AWS::WAFv2::WebACL": _of(
        "wafv2",
        "CreateWebACL",
        "UpdateWebACL",
        "DeleteWebACL",
        "arn:aws:wafv2:{region}:{account}:regional/webacl/*",
    ),
    "Custom::": _of("lambda", "InvokeFunction", "InvokeFunction", "InvokeFunction", "{ServiceToken}"),
}

# Types that hand a role on to a service: the property that names it, and the service.
PASSED_ROLES: dict[str, tuple[str, str]] = {
    "AWS::ApiGateway::Account": ("CloudWatchRoleArn", "apigateway.amazonaws.com"),
    "AWS::CodeBuild::Project": ("ServiceRole", "codebuild.amazonaws.com"),
    "AWS::CodePipeline::Pipeline": ("RoleArn", "codepipeline.amazonaws.com"),
    "AWS::EC2::FlowLog": ("DeliverLogsPermissionArn", "vpc-flow-logs.amazonaws.com"),
    "AWS::Lambda::Function": ("Role", "lambda.amazonaws.com"),
    "AWS::RDS::DBInstance": ("MonitoringRoleArn", "monitoring.rds.amazonaws.com"),
}
