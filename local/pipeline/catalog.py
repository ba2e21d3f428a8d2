"""The pipelines that exist, each with its current definition."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from local.pipeline.model import Pipeline, parse_pipeline


class PipelineKey(NamedTuple):
    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:codepipeline:{self.region}:{self.account}:{self.name}"


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """One pipeline. `shape` is what GetPipeline answers; times are seconds since the epoch."""

    key: PipelineKey
    pipeline: Pipeline
    shape: Mapping[str, Any]
    restart_on_update: bool
    created: float
    updated: float


class Catalog:
    """Definitions by account, region and name. A version grows with every update, as on AWS."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[PipelineKey, CatalogEntry] = {}

    def put(self, key: PipelineKey, shape: Mapping[str, Any], *, restart_on_update: bool, now: float) -> CatalogEntry:
        """Create or update. Raises UnsupportedError, and changes nothing, when the runner could not run it."""
        with self._lock:
            before = self._entries.get(key)
            version = before.pipeline.version + 1 if before else 1
            full = {**shape, "name": key.name, "version": version}
            entry = CatalogEntry(
                key=key,
                pipeline=parse_pipeline(full),
                shape=full,
                restart_on_update=restart_on_update,
                created=before.created if before else now,
                updated=now,
            )
            self._entries[key] = entry
            return entry

    def remove(self, key: PipelineKey) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def get(self, key: PipelineKey) -> CatalogEntry | None:
        with self._lock:
            return self._entries.get(key)

    def version(self, key: PipelineKey) -> int:
        """The current version; 0 when the pipeline is gone."""
        entry = self.get(key)
        return entry.pipeline.version if entry else 0

    def list(self, account: str, region: str) -> list[CatalogEntry]:
        with self._lock:
            found = [e for k, e in self._entries.items() if (k.account, k.region) == (account, region)]
        return sorted(found, key=lambda entry: entry.key.name)
