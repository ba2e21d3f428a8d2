"""The RDS calls that reach a cluster's servers: fail over, reboot, stop, start, another master password.

ministack checks them and keeps the records; the servers follow, and the cluster's status says when they have.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import psycopg

from local.database import DatabaseError, Login
from local.engine import seams
from local.engine.aurora import Cluster
from local.engine.registry import Request, Response, ServiceHandler

AVAILABLE = "available"


class ClusterCalls:
    """`find` gives the cluster of a name in the current account and region, None when it is not one of ours."""

    def __init__(self, find: Callable[[str], Cluster | None]) -> None:
        self._find = find
        self._actions: dict[str, Callable[[dict[str, str]], None]] = {
            "FailoverDBCluster": self._fail_over,
            "RebootDBInstance": self._reboot,
            "StopDBCluster": self._stop,
            "StartDBCluster": self._start,
            "ModifyDBCluster": self._modify,
        }

    async def answer(self, request: Request, proceed: ServiceHandler) -> Response:
        response = await proceed(request)
        parameters = {key: values[0] for key, values in {**request.query, **parse_qs(request.body.decode())}.items()}
        act = self._actions.get(parameters.get("Action", ""))
        if act is not None and response.status == 200:
            act(parameters)
        return response

    def _fail_over(self, parameters: dict[str, str]) -> None:
        record = _cluster_record(parameters["DBClusterIdentifier"])
        cluster = self._find(record["DBClusterIdentifier"])
        writer = next(m["DBInstanceIdentifier"] for m in record["DBClusterMembers"] if m["IsClusterWriter"])
        if cluster is not None:
            record["Status"] = "failing-over"
            _in_background(lambda: cluster.fail_over(writer), record, "Status", AVAILABLE)

    def _reboot(self, parameters: dict[str, str]) -> None:
        name = parameters["DBInstanceIdentifier"]
        instance = seams.get("rds.instances")[name]
        cluster = self._find(instance.get("DBClusterIdentifier", ""))
        if cluster is not None:
            _in_background(lambda: cluster.restart(name), instance, "DBInstanceStatus", AVAILABLE)

    def _stop(self, parameters: dict[str, str]) -> None:
        record = _cluster_record(parameters["DBClusterIdentifier"])
        cluster = self._find(record["DBClusterIdentifier"])
        if cluster is not None:
            record["Status"] = "stopping"
            _in_background(cluster.stop, record, "Status", "stopped")

    def _start(self, parameters: dict[str, str]) -> None:
        record = _cluster_record(parameters["DBClusterIdentifier"])
        cluster = self._find(record["DBClusterIdentifier"])
        if cluster is not None:
            record["Status"] = "starting"
            _in_background(cluster.start, record, "Status", AVAILABLE)

    def _modify(self, parameters: dict[str, str]) -> None:
        """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html: at once, either way."""
        record, password = _cluster_record(parameters["DBClusterIdentifier"]), parameters.get("MasterUserPassword")
        cluster = self._find(record["DBClusterIdentifier"])
        if cluster is not None and password:
            login = Login(username=record["MasterUsername"], password=password)
            record["Status"] = "resetting-master-credentials"
            _in_background(lambda: cluster.writer.set_password(login), record, "Status", AVAILABLE)


def _cluster_record(name_or_arn: str) -> dict[str, Any]:
    record: dict[str, Any] = seams.get("rds.clusters")[name_or_arn.rpartition(":")[2]]
    return record


def _in_background(work: Callable[[], None], record: dict[str, Any], field: str, done: str) -> None:
    """Work on a thread of its own; then set the record's status."""

    def run() -> None:
        try:
            work()
        except (DatabaseError, psycopg.Error) as error:
            print(f"{record.get('DBClusterIdentifier')}: {error}", file=sys.stderr, flush=True)
            record[field] = "failed"
        else:
            record[field] = done

    threading.Thread(target=run, daemon=True, name="aurora-call").start()
