"""Aurora's template types: each cluster is a set of real PostgreSQL servers (`local.engine.aurora`)."""

from __future__ import annotations

from typing import Any

from local.database import Databases, Login
from local.engine import context, seams
from local.engine.aurora import WRITER_HOST, Cluster
from local.engine.aurora_calls import ClusterCalls
from local.engine.aurora_metrics import ClusterMetrics
from local.engine.certificate import server_context
from local.engine.parts import DATABASE, started
from local.engine.places import database_root
from local.engine.registry import Attributes, Engine, Registry, Resource
from local.engine.resource_types.dynamodb import DeletionProtectedError
from local.engine.resource_types.values import boolean, tags
from local.engine.tls_front import Fronts

ENGINE = "aurora-postgresql"
DEFAULT_VERSION = "16"
KEPT_IN_RECORD = {"KmsKeyId": "KmsKeyId", "DBClusterParameterGroupName": "DBClusterParameterGroup"}


class UnsupportedClusterError(ValueError):
    """A kind of cluster that the embedded AWS cannot be."""


class Aurora:
    """The clusters of all accounts."""

    def __init__(self) -> None:
        self._databases: Databases | None = None
        self._fronts: Fronts | None = None
        self._clusters: Any = context.store()

    def register(self, registry: Registry) -> None:
        registry.after("AWS::RDS::DBCluster", self.converge_cluster)
        registry.supports("AWS::RDS::DBCluster", {*KEPT_IN_RECORD, "Tags"})
        registry.before_delete("AWS::RDS::DBCluster", self.delete_cluster)
        registry.after("AWS::RDS::DBInstance", self.converge_member)
        registry.before_delete("AWS::RDS::DBInstance", self.delete_member)
        registry.wrap_service("rds", ClusterCalls(self._clusters.get).answer)
        registry.on_start(self.prepare)
        registry.on_start(ClusterMetrics(self._clusters).run)
        registry.on_stop(self.close)

    def prepare(self, engine: Engine) -> None:
        """Make the data directory that clusters copy, while nobody waits for it."""
        self._databases = Databases(database_root(engine.state_dir))
        self._fronts = Fronts(server_context())
        self._databases.prepare(DEFAULT_VERSION)
        started(f"{DATABASE} {DEFAULT_VERSION}, with a data directory that clusters copy")

    def close(self) -> None:
        if self._databases is not None:
            self._databases.close()

    def converge_cluster(self, resource: Resource) -> Attributes:
        cluster = self._clusters.get(resource.physical_id)
        if cluster is None:
            cluster = self._clusters[resource.physical_id] = self._create(resource)
        elif resource.properties.get("MasterUserPassword") != resource.previous.get("MasterUserPassword"):
            cluster.writer.set_password(_master(resource))
        record = seams.get("rds.clusters")[resource.physical_id]
        record |= {"Endpoint": WRITER_HOST, "ReaderEndpoint": cluster.reader_host, "Port": cluster.port}
        record |= {
            field: resource.properties[name] for name, field in KEPT_IN_RECORD.items() if name in resource.properties
        }
        if resource.properties.get("Tags"):
            resource.client("rds").add_tags_to_resource(
                ResourceName=record["DBClusterArn"], Tags=tags(resource.properties)
            )
        return {
            "Endpoint.Address": WRITER_HOST,
            "Endpoint.Port": str(cluster.port),
            "ReadEndpoint.Address": cluster.reader_host,
        }

    def _create(self, resource: Resource) -> Cluster:
        properties = resource.properties
        if properties.get("Engine") != ENGINE:
            raise UnsupportedClusterError(
                f"AWS::RDS::DBCluster: the embedded AWS has {ENGINE}, not {properties.get('Engine')}"
            )
        if "MasterUserPassword" not in properties:
            raise UnsupportedClusterError("AWS::RDS::DBCluster: the embedded AWS needs MasterUserPassword")
        if self._databases is None or self._fronts is None:
            raise UnsupportedClusterError("AWS::RDS::DBCluster: the engine has not finished starting")
        server = self._databases.create(
            version=str(properties.get("EngineVersion", DEFAULT_VERSION)).partition(".")[0],
            master=_master(resource),
            database=properties.get("DatabaseName") or "postgres",
        )
        return Cluster(databases=self._databases, fronts=self._fronts, writer=server, force_tls=_forces_tls(resource))

    def delete_cluster(self, resource: Resource) -> None:
        record = seams.get("rds.clusters").get(resource.physical_id)
        if record is not None and record.get("DeletionProtection"):
            raise DeletionProtectedError(
                "Cannot delete protected Cluster, please disable deletion protection and try again."
            )
        cluster = self._clusters.pop(resource.physical_id, None)
        if cluster is not None:
            cluster.destroy()

    def converge_member(self, resource: Resource) -> Attributes | None:
        """Give a member its server and endpoint: the first writes, the others stream from it."""
        cluster_id = str(resource.properties.get("DBClusterIdentifier") or "")
        cluster = self._clusters.get(cluster_id)
        if cluster is None:
            raise UnsupportedClusterError("AWS::RDS::DBInstance: the embedded AWS has members of Aurora clusters only")
        member = cluster.add(resource.physical_id)
        _tell_roles(seams.get("rds.clusters")[cluster_id], cluster)
        seams.get("rds.instances")[resource.physical_id]["Endpoint"] |= {"Address": WRITER_HOST, "Port": member.port}
        return {"Endpoint.Address": WRITER_HOST, "Endpoint.Port": str(member.port)}

    def delete_member(self, resource: Resource) -> None:
        """Take the member out; when it wrote, another one is promoted."""
        record = seams.get("rds.clusters").get(resource.properties.get("DBClusterIdentifier"))
        cluster = self._clusters.get(resource.properties.get("DBClusterIdentifier"))
        if record is None or cluster is None:
            return
        cluster.remove(resource.physical_id)
        members = record["DBClusterMembers"]
        record["DBClusterMembers"] = [m for m in members if m["DBInstanceIdentifier"] != resource.physical_id]
        _tell_roles(record, cluster)


def register(registry: Registry) -> None:
    Aurora().register(registry)


def _tell_roles(record: dict[str, Any], cluster: Cluster) -> None:
    for member in record["DBClusterMembers"]:
        member["IsClusterWriter"] = member["DBInstanceIdentifier"] == cluster.writer_name


def _master(resource: Resource) -> Login:
    properties = resource.properties
    return Login(username=properties["MasterUsername"], password=properties["MasterUserPassword"])


def _forces_tls(resource: Resource) -> bool:
    """Whether the cluster's parameter group sets rds.force_ssl."""
    group = resource.properties.get("DBClusterParameterGroupName")
    if not group:
        return False
    pages = (
        resource.client("rds")
        .get_paginator("describe_db_cluster_parameters")
        .paginate(DBClusterParameterGroupName=group)
    )
    values = {p["ParameterName"]: p.get("ParameterValue") for page in pages for p in page["Parameters"]}
    return boolean(values.get("rds.force_ssl")) or values.get("rds.force_ssl") == "1"
