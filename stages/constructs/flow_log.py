"""Flow logs of a network."""

from aws_cdk import Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from release import names
from stages.constructs.log_group import PaymentLogGroup
from stages.constructs.nag import acknowledge


class VpcFlowLog(Construct):
    """Records all traffic, accepted and rejected, in an encrypted log group."""

    def __init__(
        self, scope: Construct, construct_id: str, *, suffix: str, vpc: ec2.IVpc, key: kms.IKey, retention_days: int
    ) -> None:
        super().__init__(scope, construct_id)
        stack = Stack.of(self)
        name = names.log_group(suffix, "flow-logs")
        log_group = PaymentLogGroup(self, "LogGroup", name=name, key=key, retention_days=retention_days)
        log_group_arn = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:{name}"
        policy = iam.ManagedPolicy(
            self,
            "Policy",
            managed_policy_name=names.resource(suffix, "flow-logs"),
            description="Writing the network's flow logs",
            statements=[
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                    resources=[f"{log_group_arn}:*"],
                )
            ],
        )
        acknowledge(
            policy,
            aws=f"IAM5[Resource::arn:aws:logs:{stack.region}:{stack.account}:log-group:{name}:*]",
            reason="The flow-log service chooses the names of the streams within this one group",
        )
        role = iam.Role(
            self,
            "Role",
            role_name=names.resource(suffix, "flow-logs"),
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            ),
            managed_policies=[policy],
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log_group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
