"""What the command line tells the runner, which lives in the engine's process, through a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FILE_NAME = "pipeline.json"


@dataclass(frozen=True, kw_only=True)
class PipelineSettings:
    """Where the runner finds the source and leaves its files, and what every build's machine brings."""

    repository: Path
    """The bare git repository that stands for every CodeConnections source."""
    work_dir: Path
    """Executions with their builds and logs; may be deleted while the engine is down."""
    cache_dir: Path
    """Build caches by key; worth keeping between runs."""
    path: str
    """PATH of the builds: python3, node, npm, git, make."""
    seed_checkout: Path | None = None
    """A checkout whose folders seed the build cache when its lock files are the same."""
    build_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that stand for those of the build image; they win over the machine's, not over the project's."""
    start_on_create: bool = True
    """Start an execution when a pipeline is created, as AWS does; never when its branch does not exist yet."""

    def save(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), default=str, indent=2)
        (state_dir / FILE_NAME).write_text(text + "\n")

    @classmethod
    def load(cls, state_dir: Path) -> PipelineSettings:
        """Raises FileNotFoundError when nobody saved settings there."""
        values: dict[str, Any] = json.loads((state_dir / FILE_NAME).read_text())
        for name in ("repository", "work_dir", "cache_dir", "seed_checkout"):
            values[name] = Path(values[name]) if values[name] else None
        return cls(**values)
