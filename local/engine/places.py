"""Where the engine keeps what is not in its state directory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def database_root(state_dir: Path) -> Path:
    """The folder of the clusters' data.

    PostgreSQL refuses to run as root, and the user that it runs as instead may be unable to reach a checkout.
    """
    if os.getuid() != 0:
        return state_dir / "postgres"
    name = hashlib.sha256(str(state_dir.resolve()).encode()).hexdigest()[:12]
    return Path("/tmp") / f"payment-postgres-{name}"  # noqa: S108 - made anew by root, writable by root only
