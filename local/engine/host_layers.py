"""Builds of the functions' packages for this machine's Python, kept for the next run."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

BUILD_SECONDS = 300
_building = threading.Lock()


class LayerBuildError(RuntimeError):
    """The lock could not be installed for this machine; the message is the installer's."""


class HostLayers:
    """A folder of builds, each named by its lock, Python and platform."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def in_cache(cls) -> HostLayers:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cls(cache / "payment-pipeline" / "layers")

    def directory_for(self, requirements: str) -> Path:
        """The folder with exactly the packages of a hash-locked requirements file. Raises `LayerBuildError`."""
        identity = "\n".join((requirements, sys.version, platform.platform()))
        directory = self._folder / hashlib.sha256(identity.encode()).hexdigest()[:24]
        with _building:
            if not directory.exists():
                self._build(requirements, directory)
        return directory

    def _build(self, requirements: str, directory: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder))
        try:
            lock, packages = staging / "requirements.txt", staging / "packages"
            lock.write_text(requirements)
            uv = Path(sys.executable).with_name("uv")
            install = [str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(packages)]
            _run([*install, "--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", str(lock)])
            _run([sys.executable, "-m", "compileall", "-q", "-j", "0", str(packages)])
            packages.rename(directory)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS)
    if done.returncode != 0:
        raise LayerBuildError(done.stderr.strip() or done.stdout.strip())
