"""What a fresh PostgreSQL of ours contains: its configuration, its users, who may connect."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from psycopg import sql

from local.engine.postgres_programs import Programs

SUPERUSER = "rdsadmin"
# A commit is written to the kernel before it is answered, so a killed server loses nothing; only a machine's
# crash would, and the data does not outlive the engine anyway.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 100
shared_buffers = '16MB'
wal_level = 'replica'
wal_keep_size = '64MB'
max_wal_senders = 8
max_replication_slots = 8
hot_standby = on
wal_retrieve_retry_interval = '200ms'
fsync = off
full_page_writes = off
synchronous_commit = on
jit = off
# No statement and no parameter ever reaches a log.
log_min_error_statement = 'panic'
log_parameter_max_length_on_error = 0
"""
HOST_RULES = f"""
host all all 127.0.0.1/32 scram-sha-256
host replication {SUPERUSER} 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True, kw_only=True)
class Login:
    username: str
    password: str = field(repr=False)


def initialize(programs: Programs, template: Path) -> None:
    """Make a data directory that can be copied."""
    staging = template.with_suffix(".new")
    staging.mkdir(mode=0o700)
    programs.give(staging)
    # "trust" only for initdb's own sake: HOST_RULES replace it before anything listens.
    options = ("-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-A", "trust", "--no-sync", "--wal-segsize=1")
    programs.run("initdb", "-D", str(staging), *options)
    with (staging / "postgresql.conf").open("a") as configuration:
        configuration.write(CONFIGURATION)
    (staging / "pg_hba.conf").write_text(HOST_RULES)
    staging.rename(template)


def initial_statements(superuser: Login, master: Login, database: str) -> str:
    """One statement a line, as PostgreSQL's single-user mode reads them.

    As on RDS the master is no superuser but may create roles and databases.
    """
    names = {
        "superuser": sql.Identifier(superuser.username),
        "superuser_password": sql.Literal(superuser.password),
        "master": sql.Identifier(master.username),
        "master_password": sql.Literal(master.password),
        "database": sql.Identifier(database),
    }
    lines = (
        "ALTER ROLE {superuser} PASSWORD {superuser_password}",
        "CREATE ROLE rds_superuser NOLOGIN",
        "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
        "CREATE ROLE {master} LOGIN CREATEROLE CREATEDB PASSWORD {master_password}",
        "GRANT rds_superuser TO {master}",
        "CREATE DATABASE {database} OWNER {master}",
    )
    return "".join(sql.SQL(line).format(**names).as_string(None) + "\n" for line in lines)
