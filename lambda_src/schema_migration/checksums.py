"""What each applied migration looked like: yoyo remembers names only, and a changed file must not go unnoticed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from payment_core.postgres import Connection
from schema_migration.errors import MigrationFailed


def checksum(path: Path) -> str:
    """SHA-256 of a migration's text."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def verify(connection: Connection, checksums: Mapping[str, str]) -> None:
    """Raises `MigrationFailed` when a migration was changed after it had been applied."""
    connection.execute(
        "create table if not exists schema_checksums ("
        " migration_id text primary key, sha256 text not null, recorded_at timestamptz not null default now())"
    )
    recorded = connection.execute("select migration_id, sha256 from schema_checksums").fetchall()
    changed = sorted(name for name, sha256 in recorded if checksums.get(name, sha256) != sha256)
    if changed:
        raise MigrationFailed(f"Changed after being applied: {', '.join(changed)}. Write a new migration instead.")


def record(connection: Connection, migration_id: str, sha256: str) -> None:
    """Remember an applied migration's text; the first record stays."""
    connection.execute(
        "insert into schema_checksums (migration_id, sha256) values (%s, %s) on conflict do nothing",
        [migration_id, sha256],
    )
