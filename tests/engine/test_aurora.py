"""Aurora's members stream from one writer, take its place, and come back when they are killed.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.AuroraHighAvailability.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg
import pytest

from tests.engine.embedded import EmbeddedAws, eventually
from tests.engine.test_database import MASTER, OUTPUTS, connect, resources

ACCOUNT = "720000000001"
WRITES_RESUME_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Aurora:
    """A cluster with a writer and a reader, and a table `payment (id)`."""

    rds: Any
    host: str
    reader_host: str
    port: str

    def writer(self) -> Any:
        return connect(self.host, self.port)

    def reader(self) -> Any:
        return connect(self.reader_host, self.port)

    def writer_name(self) -> str:
        (cluster,) = self.rds.describe_db_clusters(DBClusterIdentifier="pay-db")["DBClusters"]
        return next(str(m["DBInstanceIdentifier"]) for m in cluster["DBClusterMembers"] if m["IsClusterWriter"])

    def status(self) -> str:
        return str(self.rds.describe_db_clusters(DBClusterIdentifier="pay-db")["DBClusters"][0]["Status"])

    def write(self, number: int) -> bool:
        """Whether the number was committed."""
        try:
            with self.writer() as connection:
                connection.execute("insert into payment values (%s)", [number])
        except psycopg.Error:
            return False
        return True

    def numbers(self, connect_to: Callable[[], Any]) -> set[int]:
        with connect_to() as connection:
            return {number for (number,) in connection.execute("select id from payment").fetchall()}


@pytest.fixture(scope="module")
def aurora(engine: EmbeddedAws) -> Iterator[Aurora]:
    stack = engine.deploy(resources(), account=ACCOUNT, outputs=OUTPUTS)
    found = Aurora(
        rds=engine.client("rds", account=ACCOUNT),
        host=stack.outputs["Host"],
        reader_host=stack.outputs["ReaderHost"],
        port=stack.outputs["Port"],
    )
    with found.writer() as connection:
        connection.execute("create table payment (id int primary key)")
    yield found
    stack.delete()


@pytest.fixture
def numbers() -> Iterator[int]:
    return itertools.count(time.monotonic_ns() % 1_000_000_000)


def main_process(connection: Any) -> psutil.Process:
    """The server that a session belongs to."""
    (pid,) = connection.execute("select pg_backend_pid()").fetchone()
    parent = psutil.Process(pid).parent()
    assert parent is not None
    return parent


def test_reader_streams_from_the_writer(aurora: Aurora, numbers: Iterator[int]) -> None:
    number = next(numbers)
    assert aurora.write(number)

    eventually(lambda: number in aurora.numbers(aurora.reader))
    with aurora.reader() as reader, aurora.writer() as writer:
        assert reader.execute("select pg_is_in_recovery()").fetchone() == (True,)
        assert main_process(reader) != main_process(writer)


def test_each_member_has_an_endpoint_of_its_own(aurora: Aurora) -> None:
    members = aurora.rds.describe_db_instances()["DBInstances"]

    recovering = {}
    for member in members:
        with connect(member["Endpoint"]["Address"], str(member["Endpoint"]["Port"])) as connection:
            (recovering[member["DBInstanceIdentifier"]],) = connection.execute("select pg_is_in_recovery()").fetchone()

    assert recovering == {name: name != aurora.writer_name() for name in ("pay-writer", "pay-reader")}


def test_killed_writer_comes_back_with_everything_that_it_had_confirmed(aurora: Aurora, numbers: Iterator[int]) -> None:
    confirmed = {number for number in itertools.islice(numbers, 5) if aurora.write(number)}
    with aurora.writer() as connection:
        main_process(connection).kill()

    eventually(lambda: aurora.write(next(numbers)), within=30)

    assert len(confirmed) == 5
    assert confirmed <= aurora.numbers(aurora.writer)
    eventually(lambda: confirmed <= aurora.numbers(aurora.reader))


def test_failover_promotes_a_reader_and_loses_nothing(aurora: Aurora, numbers: Iterator[int]) -> None:
    before = aurora.writer_name()
    confirmed = {number for number in itertools.islice(numbers, 5) if aurora.write(number)}
    aurora.rds.failover_db_cluster(DBClusterIdentifier="pay-db")
    started = time.monotonic()

    def switched() -> bool:
        number = next(numbers)
        if aurora.write(number):
            confirmed.add(number)
        return aurora.status() == "available"

    eventually(switched)
    assert aurora.write(next(numbers))
    assert time.monotonic() - started < WRITES_RESUME_SECONDS
    assert aurora.writer_name() != before
    assert len(confirmed) >= 5
    assert confirmed <= aurora.numbers(aurora.writer)
    eventually(lambda: confirmed <= aurora.numbers(aurora.reader))
    with aurora.reader() as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader.execute("insert into payment values (-1)")


def test_stopped_cluster_serves_nobody_and_keeps_its_data(aurora: Aurora, numbers: Iterator[int]) -> None:
    number = next(numbers)
    assert aurora.write(number)
    aurora.rds.stop_db_cluster(DBClusterIdentifier="pay-db")
    eventually(lambda: aurora.status() == "stopped")
    with pytest.raises(psycopg.OperationalError):
        aurora.writer()

    aurora.rds.start_db_cluster(DBClusterIdentifier="pay-db")

    eventually(lambda: aurora.status() == "available")
    assert number in aurora.numbers(aurora.writer)


def test_rebooted_member_is_another_process(aurora: Aurora) -> None:
    with aurora.writer() as connection:
        before = main_process(connection)

    aurora.rds.reboot_db_instance(DBInstanceIdentifier=aurora.writer_name())

    eventually(lambda: not before.is_running())
    eventually(lambda: aurora.write(0))


def test_master_password_can_be_changed_over_the_api(aurora: Aurora) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html"""
    for password in ("another one for the master", MASTER["password"]):
        aurora.rds.modify_db_cluster(DBClusterIdentifier="pay-db", MasterUserPassword=password, ApplyImmediately=True)
        eventually(lambda: aurora.status() == "available")

        connect(aurora.host, aurora.port, password=password).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(aurora.host, aurora.port, password="neither of them")


def test_metrics_tell_of_each_member_and_of_the_readers_lag(engine: EmbeddedAws, aurora: Aurora) -> None:
    """https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html"""
    cloudwatch = engine.client("cloudwatch", account=ACCOUNT)

    def seen() -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        found = cloudwatch.list_metrics(Namespace="AWS/RDS")["Metrics"]
        return {(m["MetricName"], tuple(sorted((d["Name"], d["Value"]) for d in m["Dimensions"]))) for m in found}

    wanted: set[Any] = {("AuroraReplicaLag", (("DBClusterIdentifier", "pay-db"), ("Role", "READER")))}
    wanted |= {
        (metric, (("DBInstanceIdentifier", member),))
        for metric in ("CPUUtilization", "DatabaseConnections")
        for member in ("pay-writer", "pay-reader")
    }
    wanted |= {("CPUUtilization", (("DBClusterIdentifier", "pay-db"),))}
    eventually(lambda: wanted <= seen())
