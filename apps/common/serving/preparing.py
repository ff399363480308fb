"""Database, demo city and static files brought up to date before the first page."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from apps.common.serving.terms import CannotServe, Options, Say

LEAST_POSTGRES = 150_000


def prepare(options: Options, say: Say) -> None:
    """Bring database, demo city and static files up to date; quick when they are."""
    _check_database()
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Migrating the database: {len(plan)} steps")
        call_command("migrate", interactive=False, verbosity=0)
    if options.demo and "build_city" in get_commands():
        call_command("build_city", if_empty=True)
    _collect_static(say)
    connections.close_all()


def _check_database() -> None:
    """Refuse a database that does not answer or is too old, in words rather than in a traceback."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise CannotServe(f"The database does not answer: {first_line}. Is DATABASE_URL right?") from None
    version = connection.connection.server_version
    if version < LEAST_POSTGRES:
        raise CannotServe(f"PostgreSQL {LEAST_POSTGRES // 10_000} or newer is needed; this one is {version // 10_000}.")


def _collect_static(say: Say) -> None:
    """Collect when a file, its size or its time has changed: hashing and compressing all of them takes seconds."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list(None):
            info = Path(storage.path(name)).stat()
            digest.update(f"{name} {info.st_size} {info.st_mtime_ns}\n".encode())
    stamp = Path(settings.STATIC_ROOT) / ".collected"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    say("Collecting static files")
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    stamp.write_text(digest.hexdigest())
