"""EC2 template types.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from __future__ import annotations

from typing import Any

from tests.engine.embedded import EmbeddedAws

TAGS = [{"Key": "Name", "Value": "pay"}]


def resources() -> dict[str, Any]:
    def rule(kind: str, side: str) -> dict[str, Any]:
        properties = {
            "GroupId": {"Ref": "Inner"},
            "IpProtocol": "tcp",
            "FromPort": 5432,
            "ToPort": "5432",
            f"{side}SecurityGroupId": {"Ref": "Outer"},
            "Description": "database",
        }
        return {"Type": f"AWS::EC2::SecurityGroup{kind}", "Properties": properties}

    def group() -> dict[str, Any]:
        properties = {"GroupDescription": "x", "VpcId": {"Ref": "Network"}}
        return {"Type": "AWS::EC2::SecurityGroup", "Properties": properties}

    return {
        "Network": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Network"}, "CidrBlock": "10.9.0.0/24"},
        },
        "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": TAGS}},
        "Gateway": {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "SubnetId": {"Ref": "Subnet"},
                "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
                "Tags": TAGS,
            },
        },
        "FlowLog": {
            "Type": "AWS::EC2::FlowLog",
            "Properties": {
                "ResourceId": {"Ref": "Network"},
                "ResourceType": "VPC",
                "TrafficType": "REJECT",
                "LogGroupName": "/flow",
                "DeliverLogsPermissionArn": "arn:aws:iam::222222222222:role/flow",
                "Tags": TAGS,
            },
        },
        "Inner": group(),
        "Outer": group(),
        "In": rule("Ingress", "Source"),
        "Out": rule("Egress", "Destination"),
    }


def test_network_is_made_as_the_template_says_and_removed(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy(
        resources(),
        account=account,
        outputs={
            "Allocation": {"Fn::GetAtt": ["Address", "AllocationId"]},
            "Range": {"Fn::GetAtt": ["Network", "CidrBlock"]},
        },
    )
    ec2 = engine.client("ec2", account=account)

    address = ec2.describe_addresses()["Addresses"][0]
    assert stack.resources["Address"] == address["PublicIp"]
    assert stack.outputs == {"Allocation": address["AllocationId"], "Range": "10.9.0.0/16"}
    gateway = ec2.describe_nat_gateways()["NatGateways"][0]
    assert gateway["NatGatewayId"] == stack.resources["Gateway"]
    assert gateway["SubnetId"] == stack.resources["Subnet"]
    assert gateway["Tags"] == TAGS
    flow_log = ec2.describe_flow_logs()["FlowLogs"][0]
    assert (flow_log["ResourceId"], flow_log["TrafficType"]) == (stack.resources["Network"], "REJECT")
    inner = ec2.describe_security_groups(GroupIds=[stack.resources["Inner"]])["SecurityGroups"][0]
    expected = [{"GroupId": stack.resources["Outer"], "Description": "database"}]
    for direction in ("IpPermissions", "IpPermissionsEgress"):
        rule = next(p for p in inner[direction] if p.get("FromPort") == 5432)
        assert [{k: pair[k] for k in expected[0]} for pair in rule["UserIdGroupPairs"]] == expected

    stack.delete()

    assert ec2.describe_addresses()["Addresses"] == []
    assert [g["State"] for g in ec2.describe_nat_gateways()["NatGateways"]] in ([], ["deleted"])
    assert ec2.describe_flow_logs()["FlowLogs"] == []
