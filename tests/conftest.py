"""Servers and processes for every test. What a room needs beyond this is in its own factories."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import redis
from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import translation

from apps.common import processes
from apps.common.embedded import paths
from apps.common.embedded.postgres import Postgres
from apps.common.embedded.servers import Place, Server
from apps.common.embedded.valkey import Valkey
from tests import servers
from tests.chromium import chromium_path
from tests.processes import ProductProcess, answers, free_port

if TYPE_CHECKING:
    from tests.factories import Town  # needs the models, which are not ready while pytest loads this file

hypothesis.settings.register_profile("here", deadline=None)  # a slow machine is no fault of the code
hypothesis.settings.load_profile("here")

NO_CHROMIUM = "Chromium was not found (install chromium, or set CHROMIUM)"

_running: list[Server] = []


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers before the first test; an xdist worker shares its parent's."""
    if not config.option.collectonly:
        _running.extend(servers.start_servers())


def pytest_unconfigure() -> None:
    """End them, after Ctrl-C too."""
    servers.stop_servers(_running)
    _running.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser journeys need a browser."""
    journeys = [item for item in items if item.get_closest_marker("journey")]
    if journeys and chromium_path() is None:
        for item in journeys:
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that journeys were skipped, also with -q."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if NO_CHROMIUM in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} browser journeys skipped: {NO_CHROMIUM}", yellow=True)


@pytest.fixture(scope="session", autouse=True)
def _flush_may_erase_history() -> Iterator[None]:
    """The database refuses to truncate history; the flush between transactional tests alone says that it may."""
    with pytest.MonkeyPatch.context() as patch:
        plain = DatabaseOperations.sql_flush

        def sql_flush(self: DatabaseOperations, *arguments: Any, **options: Any) -> list[str]:
            statements = plain(self, *arguments, **options)
            return ["SET LOCAL grid_mgmt.may_erase = 'on'", *statements] if statements else []

        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture(autouse=True)
def _calendar_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps calendar and catalogue for some seconds; what the last test rolled back is none of ours.

    Within a test they are not read again by themselves: on a slow machine that would be one query more at times.
    """
    from apps.issues.selectors import calendar, catalogue  # models are not ready when this file is read

    calendar.forget_calendars()
    for kept in (calendar, catalogue):
        monkeypatch.setattr(kept, "FRESH_SECONDS", 3_600.0)


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """The test's Redis database, emptied before and after."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    """A page asked for in English leaves its language to the thread: the next test begins with the city's own."""
    yield
    translation.deactivate()


@pytest.fixture
def test_environment() -> dict[str, str]:
    """What a child process needs to meet the very database and broker of this test."""
    base = paths.with_database(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
    return {"DATABASE_URL": base, "REDIS_URL": settings.REDIS_URL}


@pytest.fixture
def celery_worker_process(
    transactional_db: None, broker: redis.Redis, test_environment: dict[str, str], tmp_path: Path
) -> Iterator[ProductProcess]:
    """A real Celery worker on the test's database and broker. `pid`, `stop()`, `kill()`, `said()`."""
    process = ProductProcess(
        processes.worker(concurrency=1), environment=test_environment, output=tmp_path / "worker.log"
    )
    process.start(lambda: " ready." in process.said())
    yield process
    process.stop()


def _collect_static(environment: dict[str, str]) -> None:
    """The real site serves hashed files, as in production. Once, though several workers of a run want them at once."""
    done = paths.var_dir() / "static-collected"
    with done.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
            cwd=paths.project_dir(),
            env={**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "grid_mgmt.settings"},
            check=True,
        )
        done.touch()


@pytest.fixture(scope="session")
def _web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[dict[str, str]], str]]:
    started: dict[str, ProductProcess] = {}

    def address(environment: dict[str, str]) -> str:
        if not started:
            _collect_static(environment)
            port = free_port()
            service = processes.web(host="127.0.0.1", port=port, workers=1)
            process = ProductProcess(
                service,
                environment={**environment, "ALLOWED_HOSTS": "127.0.0.1,localhost"},
                output=tmp_path_factory.mktemp("web") / "web.log",
            )
            url = f"http://127.0.0.1:{port}"
            process.start(lambda: answers(f"{url}/healthz"))
            started[url] = process
        return next(iter(started))

    yield address
    for process in started.values():
        process.stop()


@pytest.fixture
def live_site(
    transactional_db: None,
    broker: redis.Redis,
    test_environment: dict[str, str],
    _web: Callable[[dict[str, str]], str],
) -> str:
    """The base URL of the real site: uvicorn in a process of its own, on the test's database."""
    return _web(test_environment)


@dataclass
class PrivateServers:
    """Servers of one test alone, which it may kill and start again. fsync is on."""

    postgres: Postgres
    valkey: Valkey


@pytest.fixture
def private_servers() -> Iterator[Callable[[], PrivateServers]]:
    """A factory: each call starts a PostgreSQL and a Valkey of the test's own."""
    made: list[tuple[PrivateServers, Path]] = []

    def make() -> PrivateServers:
        home = Path(servers.new_home())
        place: Place = servers.place_in(home)
        pair = PrivateServers(Postgres(place, servers.SMALL), Valkey(place))
        made.append((pair, home))
        for server in (pair.postgres, pair.valkey):
            server.start(lambda _text: None)
        return pair

    yield make
    for pair, home in made:
        pair.postgres.stop()
        pair.valkey.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def town(db: None) -> "Town":
    """The mini city with its cast: see tests/factories.py."""
    from tests.factories import build_town

    return build_town()


@pytest.fixture
def hints(db: None) -> Iterator[None]:
    """What is within 50 m and a day of a report of the same kind may be the same."""
    from apps.issues.models import DuplicateRule
    from apps.issues.selectors.catalogue import forget_catalogue

    DuplicateRule.objects.create(radius_m=50, window_hours=24)
    forget_catalogue()
    yield
    forget_catalogue()
