"""The snapshots of all deployments, and which account and region own an API."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.engine.api_gateway.snapshot import Snapshot


@dataclass
class Deployments:
    _snapshots: dict[tuple[str, str], Snapshot] = field(default_factory=dict)
    _owners: dict[str, tuple[str, str]] = field(default_factory=dict)

    def keep(self, deployment_id: str, snapshot: Snapshot) -> None:
        self._snapshots[snapshot.api_id, deployment_id] = snapshot
        self._owners[snapshot.api_id] = (snapshot.account, snapshot.region)

    def drop(self, api_id: str, deployment_id: str) -> None:
        self._snapshots.pop((api_id, deployment_id), None)

    def get(self, api_id: str, deployment_id: str) -> Snapshot | None:
        return self._snapshots.get((api_id, deployment_id))

    def owner(self, api_id: str) -> tuple[str, str] | None:
        """Account and region of an API that was deployed at least once."""
        return self._owners.get(api_id)
