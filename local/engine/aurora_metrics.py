"""What CloudWatch knows of a cluster: processor, connections, lag; per member, per cluster, per role.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.AuroraMonitoring.Metrics.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import psycopg

from local.database import Server
from local.engine import context, seams
from local.engine.aurora import Cluster
from local.engine.registry import Engine

EVERY_SECONDS = 10.0
# An idle standby has replayed all that it received; then the age of the last transaction is no lag.
STATEMENT = """
SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
       CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() <> pg_last_wal_replay_lsn()
            THEN extract(epoch FROM now() - pg_last_xact_replay_timestamp()) * 1000 END
FROM pg_stat_activity
"""


class ClusterMetrics:
    """Observes all clusters of `clusters`, an account's and region's store by name."""

    def __init__(self, clusters: Any) -> None:
        self._clusters = clusters
        self._used: dict[int, tuple[float, float]] = {}

    def run(self, _: Engine) -> None:
        while True:
            self.tick()
            time.sleep(EVERY_SECONDS)

    def tick(self) -> None:
        for (account, region, name), cluster in list(self._clusters.all_items()):
            with context.acting_in(account, region):
                self._record(name, cluster)

    def _record(self, name: str, cluster: Cluster) -> None:
        for member, found in list(cluster.members.items()):
            writes = found.server is cluster.writer
            role = {"DBClusterIdentifier": name, "Role": "WRITER" if writes else "READER"}
            # Without a role a cluster's metrics are its writer's.
            scopes = [{"DBInstanceIdentifier": member}, role, *([{"DBClusterIdentifier": name}] if writes else [])]
            for metric, value, unit in self._observe(found.server, writes=writes):
                for dimensions in scopes:
                    seams.get("cloudwatch.record")("AWS/RDS", metric, value, unit, dimensions)

    def _observe(self, server: Server, *, writes: bool) -> Iterator[tuple[str, float, str]]:
        """Nothing of a server that does not answer, as on AWS."""
        with suppress(psycopg.Error, psutil.Error):
            with server.connect() as connection:
                connections, lag = connection.execute(STATEMENT).fetchone() or (0, None)
            yield "DatabaseConnections", float(str(connections)), "Count"
            if not writes:
                yield "AuroraReplicaLag", float(str(lag or 0)), "Milliseconds"
            if server.pid is not None:
                yield "CPUUtilization", self._processor_percent(server.pid), "Percent"

    def _processor_percent(self, pid: int) -> float:
        """Of all cores, since the last look; the first look sees nothing."""
        main = psutil.Process(pid)
        used = sum(sum(p.cpu_times()[:2]) for p in (main, *main.children()))
        now = time.monotonic()
        before, at = self._used.get(pid, (used, now))
        self._used[pid] = (used, now)
        return max(0.0, used - before) / max(now - at, 0.001) / (os.cpu_count() or 1) * 100
