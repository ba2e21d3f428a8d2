"""Aurora: a cluster is a real PostgreSQL with a writer and readers.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
"""

from __future__ import annotations

import importlib.util
import socket
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local.engine import postgres_programs
from tests.engine.embedded import EmbeddedAws, StackFailedError, template

MASTER = {"username": "payment_admin", "password": "it's \\ a secret"}


def cluster(**more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::RDS::DBCluster",
        "DeletionPolicy": "Delete",
        "Properties": {
            "DBClusterIdentifier": "pay-db",
            "Engine": "aurora-postgresql",
            "EngineVersion": "16.6",
            "MasterUsername": MASTER["username"],
            "MasterUserPassword": MASTER["password"],
            "DatabaseName": "payments",
            "DBClusterParameterGroupName": {"Ref": "Parameters"},
            **more,
        },
    }


def parameters(*, force_ssl: str = "1") -> dict[str, Any]:
    properties = {"Family": "aurora-postgresql16", "Description": "x", "Parameters": {"rds.force_ssl": force_ssl}}
    return {"Type": "AWS::RDS::DBClusterParameterGroup", "Properties": properties}


def member(name: str, *after: str) -> dict[str, Any]:
    return {
        "Type": "AWS::RDS::DBInstance",
        "DependsOn": list(after),
        "DeletionPolicy": "Delete",
        "Properties": {
            "DBInstanceIdentifier": name,
            "DBClusterIdentifier": {"Ref": "Cluster"},
            "DBInstanceClass": "db.serverless",
            "Engine": "aurora-postgresql",
        },
    }


def resources(**more: Any) -> dict[str, Any]:
    return {
        "Parameters": parameters(),
        "Cluster": cluster(**more),
        "Writer": member("pay-writer"),
        "Reader": member("pay-reader", "Writer"),
    }


OUTPUTS = {
    "Host": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]},
    "Port": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]},
    "ReaderHost": {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]},
}


def connect(host: str, port: str, password: str = MASTER["password"], sslmode: str = "require") -> Any:
    return psycopg.connect(
        host=host,
        port=int(port),
        user=MASTER["username"],
        password=password,
        dbname="payments",
        sslmode=sslmode,
        autocommit=True,
        connect_timeout=5,
    )


def test_cluster_is_a_database_with_one_writer_and_readers_that_do_not_write(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy(resources(), account=account, outputs=OUTPUTS)
    host, port = stack.outputs["Host"], stack.outputs["Port"]

    with connect(host, port) as writer:
        writer.execute("create table customer (id text primary key)")
        writer.execute("insert into customer values ('cus_1')")
        (superuser,) = writer.execute("select rolsuper from pg_roles where rolname = current_user").fetchone()
        (version,) = writer.execute("show server_version_num").fetchone()
    assert superuser is False
    assert version.startswith("16")
    with connect(stack.outputs["ReaderHost"], port) as reader:
        assert reader.execute("select id from customer").fetchall() == [("cus_1",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            reader.execute("insert into customer values ('cus_2')")

    rds = engine.client("rds", account=account)
    described = rds.describe_db_clusters(DBClusterIdentifier="pay-db")["DBClusters"][0]
    roles = {m["DBInstanceIdentifier"]: m["IsClusterWriter"] for m in described["DBClusterMembers"]}
    assert roles == {"pay-writer": True, "pay-reader": False}
    assert (described["Endpoint"], str(described["Port"])) == (host, port)

    stack.delete()

    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_plain_connections_are_refused_when_the_parameter_group_says_so(engine: EmbeddedAws, account: str) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraPostgreSQL.Security.html"""
    stack = engine.deploy(resources(), account=account, outputs=OUTPUTS)

    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        connect(stack.outputs["Host"], stack.outputs["Port"], sslmode="disable")

    stack.delete()


def test_master_password_follows_the_template(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy(resources(), account=account, outputs=OUTPUTS)

    stack.update(TemplateBody=template(resources(MasterUserPassword="another one"), outputs=OUTPUTS))

    host, port = stack.outputs["Host"], stack.outputs["Port"]
    connect(host, port, password="another one").close()
    with pytest.raises(psycopg.OperationalError):
        connect(host, port)
    stack.delete()


def test_protected_cluster_is_not_deleted(engine: EmbeddedAws, account: str) -> None:
    stack = engine.deploy(
        {"Parameters": parameters(), "Cluster": cluster(DeletionProtection=True)}, account=account, outputs=OUTPUTS
    )

    with pytest.raises(StackFailedError, match="Cannot delete protected Cluster"):
        stack.delete()

    connect(stack.outputs["Host"], stack.outputs["Port"]).close()
    engine.client("rds", account=account).modify_db_cluster(DBClusterIdentifier="pay-db", DeletionProtection=False)
    stack.delete()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"EngineVersion": "13.4"}, "PostgreSQL 16, 18, not 13"),
        ({"Engine": "aurora-mysql"}, "aurora-postgresql, not aurora-mysql"),
    ],
)
def test_databases_that_we_cannot_be_are_refused(
    engine: EmbeddedAws, account: str, change: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StackFailedError, match=complaint):
        engine.deploy({"Parameters": parameters(), "Cluster": cluster(**change)}, account=account)


def test_copied_programs_run_where_the_wheel_cannot_be_reached(tmp_path: Path) -> None:
    """A checkout below a folder that keeps others out: the programs and their shared libraries move together."""
    wheel = importlib.util.find_spec(postgres_programs.WHEEL)
    assert wheel is not None
    assert wheel.origin is not None
    copied = postgres_programs.copy_programs(Path(wheel.origin).parent / postgres_programs.FOLDERS["16"], tmp_path)
    for program in ("initdb", "postgres", "pg_basebackup"):
        done = subprocess.run([str(copied / "bin" / program), "--version"], capture_output=True, text=True, check=True)
        assert " 16." in done.stdout
