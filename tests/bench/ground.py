"""What the benches stand on: private servers that keep every commit, and databases made from a template city."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import psycopg2.extensions

from apps.common.embedded import paths
from apps.common.embedded.postgres import Postgres
from apps.common.embedded.servers import Server
from apps.common.embedded.valkey import Valkey
from tests import servers

Connection = psycopg2.extensions.connection

ROOMY_MEGABYTES = 6_000  # of free memory, from which on 1 GB goes to shared buffers
CITY = "city"
ADMIN = "postgres"


def settings() -> dict[str, str]:
    """Settings of the bench's PostgreSQL. fsync and synchronous_commit stay on, as in the product."""
    roomy = _free_megabytes() >= ROOMY_MEGABYTES
    return {
        "shared_buffers": "1GB" if roomy else "256MB",
        "max_connections": "200",
        "max_wal_size": "8GB",  # loading millions of rows must not push checkpoints into what is measured
        "checkpoint_timeout": "30min",
        "log_min_duration_statement": "-1",
    }


@contextmanager
def private_servers() -> Iterator[dict[str, str]]:
    """A PostgreSQL and a Valkey of this run alone; yields the environment that leads child processes to them."""
    home = servers.new_home()
    os.environ[servers.HOME] = home
    place = servers.place_in(Path(home))
    running: list[Server] = []
    try:
        running = servers.start_at(place, settings())
        yield {
            "DATABASE_URL": Postgres(place).url(),
            "REDIS_URL": Valkey(place).url(),
            "GRID_VAR_DIR": f"{home}/var",
            "GRID_TEST_SERVERS": "env",
            "GRID_BENCH_HOME": home,
            "DJANGO_SETTINGS_MODULE": "grid_mgmt.settings",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "LOG_LEVEL": "WARNING",
        }
    finally:
        servers.stop_servers(running)


def home() -> Path:
    """The directory of this run, removed at its end."""
    return Path(os.environ["GRID_BENCH_HOME"])


def database_url(name: str) -> str:
    """URL of one of the run's databases."""
    return paths.with_database(os.environ["DATABASE_URL"], name)


def connect(name: str) -> Connection:
    """A plain connection, past Django."""
    return psycopg2.connect(database_url(name).replace("postgres://", "postgresql://"))


def exists(name: str) -> bool:
    """Whether the database has been made."""
    with _admin() as admin, admin.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        return cursor.fetchone() is not None


def make_database(name: str, template: str = "template1") -> None:
    """Make the database anew as a copy of `template`; nobody may be connected to either."""
    with _admin() as admin, admin.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
            [template],
        )
        cursor.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')


def rename_database(old: str, new: str) -> None:
    """Give a database its final name; one that has it already goes."""
    with _admin() as admin, admin.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)')
        cursor.execute(f'ALTER DATABASE "{old}" RENAME TO "{new}"')


@contextmanager
def _admin() -> Iterator[Connection]:
    connection = connect(ADMIN)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def _free_megabytes() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
