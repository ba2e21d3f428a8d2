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
