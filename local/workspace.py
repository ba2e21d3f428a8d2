"""Where everything that the emulator makes lives: one git-ignored folder of the checkout."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """Paths below `<checkout>/.local`."""

    checkout: Path

    @property
    def root(self) -> Path:
        return self.checkout / ".local"

    @property
    def engine_state(self) -> Path:
        return self.root / "engine"

    @property
    def repository(self) -> Path:
        return self.root / "payment-system.git"

    @property
    def pipeline_work(self) -> Path:
        return self.root / "pipeline"

    @property
    def build_cache(self) -> Path:
        return self.root / "build-cache"

    @property
    def cli_home(self) -> Path:
        return self.root / "home"

    @property
    def outputs(self) -> Path:
        return self.root / "outputs"

    @property
    def running(self) -> Path:
        """A JSON file that says what runs: the engine's process id, its endpoint, the owner's process id."""
        return self.root / "running.json"

    @property
    def lock(self) -> Path:
        """Held by whoever runs here; it says its process id."""
        return self.root / "lock"

    def renew(self) -> None:
        """Remove what an earlier run left, except the build cache, and make the folders."""
        if self.root.exists():
            for child in self.root.iterdir():
                if child in (self.build_cache, self.lock):
                    continue
                if child.is_dir() and not child.is_symlink():
                    shutil.rmtree(child)
                else:
                    child.unlink()
        for folder in (self.root, self.engine_state, self.cli_home, self.outputs):
            folder.mkdir(parents=True, exist_ok=True)
