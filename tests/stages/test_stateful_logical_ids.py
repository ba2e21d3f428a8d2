"""A changed logical id of something that holds data is a replacement: an empty table, a new database, a new key."""

import pytest

from stages.environments import Environment
from tests.stages.templates import ENVIRONMENTS, Synthesis

FROZEN = {
    "network/Vpc8378EB38": "AWS::EC2::VPC",
    "security/DataKey17AFBB84": "AWS::KMS::Key",
    "security/AuditKeyB2DBB069": "AWS::KMS::Key",
    "network/LogsKeyA6AB43B2": "AWS::KMS::Key",
    "security/ConfigurationKey38551EA5": "AWS::KMS::Key",
    "security/MessagesKey44305758": "AWS::KMS::Key",
    "security/FingerprintKey750E39FE": "AWS::KMS::Key",
    "data/DatabaseCluster5B53A178": "AWS::RDS::DBCluster",
    "data/DatabaseClusterWriterD43085C6": "AWS::RDS::DBInstance",
    "data/DatabaseClusterReader1D8B76102": "AWS::RDS::DBInstance",
    "data/Transactions098C5767": "AWS::DynamoDB::Table",
    "data/IdempotencyC15CBC33": "AWS::DynamoDB::Table",
    "data/VelocityD3E740EB": "AWS::DynamoDB::Table",
    "data/AccessLogs8B620ECA": "AWS::S3::Bucket",
    "data/Audit3D8ADE0A": "AWS::S3::Bucket",
}
SECOND_READER = {"data/DatabaseClusterReader26C65DE14": "AWS::RDS::DBInstance"}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.suffix)
def test_what_holds_data_keeps_its_logical_id(synthesis: Synthesis, environment: Environment) -> None:
    found = {
        f"{resource.layer}/{resource.logical_id}": resource.type
        for resource in synthesis.resources(*FROZEN.values())
        if resource.environment == environment
    }
    assert found == FROZEN | (SECOND_READER if environment.database.readers == 2 else {})


# EC2 makes a group anew when its description changes, and then finds the name taken: the stack cannot be updated.
DESCRIPTIONS = {
    "link": "The way of the API into the network",
    "alb": "The private load balancer",
    "functions": "The functions",
    "database": "The database",
    "endpoints": "The endpoints of AWS services",
}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.suffix)
def test_what_is_named_keeps_what_it_would_be_replaced_for(synthesis: Synthesis, environment: Environment) -> None:
    found = {
        resource.properties["GroupName"].removeprefix(f"payment-{environment.suffix}-"): resource.properties[
            "GroupDescription"
        ]
        for resource in synthesis.resources("AWS::EC2::SecurityGroup")
        if resource.environment == environment
    }
    assert found == {name: DESCRIPTIONS[name] for name in found}
    assert len(found) == (5 if environment.network.interface_endpoints else 4)
    families = {r.properties["Family"] for r in synthesis.resources("AWS::RDS::DBClusterParameterGroup")}
    assert families == {"aurora-postgresql16"}, "a named parameter group of another family needs another name"
