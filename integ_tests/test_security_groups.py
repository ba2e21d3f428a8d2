"""Who may open a connection to whom: the API to the load balancer, the functions to the database, nobody else."""

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from integ_tests.environment import Deployed
from release import names

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import SecurityGroupTypeDef

HTTPS, POSTGRESQL = 443, 5432
ADMITTED = {"link": set(), "alb": {("link", HTTPS)}, "functions": set(), "database": {("functions", POSTGRESQL)}}


@pytest.fixture(scope="module")
def groups(session: boto3.Session, deployed: Deployed) -> dict[str, "SecurityGroupTypeDef"]:
    """By the part of their name that says what they are for."""
    filters: list[Any] = [{"Name": "vpc-id", "Values": [deployed["VpcId"]]}]
    found = session.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    prefix = names.resource(deployed.suffix, "")
    return {group["GroupName"].removeprefix(prefix): group for group in found if group["GroupName"].startswith(prefix)}


@pytest.mark.parametrize("name", ADMITTED)
def test_a_group_admits_its_one_neighbour(groups: dict[str, "SecurityGroupTypeDef"], name: str) -> None:
    named = {group["GroupId"]: role for role, group in groups.items()}
    admitted = {
        (named.get(pair["GroupId"], pair["GroupId"]), permission["FromPort"])
        for permission in groups[name]["IpPermissions"]
        for pair in permission["UserIdGroupPairs"]
    }
    assert admitted == ADMITTED[name]
    assert not [r for permission in groups[name]["IpPermissions"] for r in permission.get("IpRanges", [])]
    assert all(permission["FromPort"] == permission["ToPort"] for permission in groups[name]["IpPermissions"])


def test_the_database_is_in_the_group_that_guards_it(
    session: boto3.Session, deployed: Deployed, groups: dict[str, "SecurityGroupTypeDef"]
) -> None:
    answer = session.client("rds").describe_db_clusters(DBClusterIdentifier=deployed["DatabaseClusterIdentifier"])
    used = answer["DBClusters"][0]["VpcSecurityGroups"]
    assert [group["VpcSecurityGroupId"] for group in used] == [groups["database"]["GroupId"]]


def test_the_load_balancer_is_in_the_group_that_guards_it(
    session: boto3.Session, deployed: Deployed, groups: dict[str, "SecurityGroupTypeDef"]
) -> None:
    answer = session.client("elbv2").describe_load_balancers(LoadBalancerArns=[deployed["LoadBalancerArn"]])
    assert answer["LoadBalancers"][0]["SecurityGroups"] == [groups["alb"]["GroupId"]]


@pytest.mark.parametrize("name", [*names.FUNCTIONS, *names.UNCOLOURED_FUNCTIONS])
def test_a_function_is_in_the_group_that_the_database_admits(
    session: boto3.Session, deployed: Deployed, groups: dict[str, "SecurityGroupTypeDef"], name: str
) -> None:
    function = session.client("lambda").get_function_configuration(FunctionName=names.function(deployed.suffix, name))
    assert function["VpcConfig"]["SecurityGroupIds"] == [groups["functions"]["GroupId"]]
