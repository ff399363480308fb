"""The broker is down, or PostgreSQL restarts under load: what was answered with 201 is there, and errors are clear."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from django.db.models import F
from rest_framework.authtoken.models import Token

from apps.common import clock, processes
from apps.common.embedded import paths
from apps.common.embedded.postgres import Postgres
from apps.common.embedded.servers import wait_for
from apps.issues.models import Issue, IssueEvent, State
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.invariants import check_invariants
from tests.conftest import PrivateServers
from tests.factories import Town, build_town
from tests.issues.reports import broken_chains
from tests.processes import ProductProcess, answers, free_port

pytestmark = pytest.mark.fault

Environment = dict[str, str]


@dataclass
class Phone:
    """Somebody who reports through the API."""

    site: str
    token: str
    report: dict[str, str]

    def file(self, key: str) -> httpx.Response:
        """Send the report under the key."""
        headers = {"Authorization": f"Token {self.token}", "Idempotency-Key": key, "Accept-Language": "en"}
        return httpx.post(f"{self.site}/api/v1/issues/", json=self.report, headers=headers, timeout=20)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[[processes.Service, Environment], ProductProcess]]:
    """A factory of processes of the product that end with the test."""
    made: list[ProductProcess] = []

    def make(service: processes.Service, environment: Environment) -> ProductProcess:
        made.append(ProductProcess(service, environment=environment, output=tmp_path / f"{service.name}.log"))
        return made[-1]

    yield make
    for one in reversed(made):
        one.stop()


Start = Callable[[processes.Service, Environment], ProductProcess]


def start_site(process: Start, environment: Environment) -> str:
    """The real web process; returns its base URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    web = process(processes.web(host="127.0.0.1", port=port, workers=1), {**environment, "ALLOWED_HOSTS": "127.0.0.1"})
    web.start(lambda: answers(f"{url}/healthz"))
    return url


# --- the broker ---------------------------------------------------------------------------------------


@pytest.fixture
def town(transactional_db: None) -> Town:
    forget_catalogue()
    return build_town()


def test_reports_are_accepted_while_the_broker_is_down_and_routed_when_it_is_back(
    town: Town,
    test_environment: Environment,
    private_servers: Callable[[], PrivateServers],
    process: Start,
    tmp_path: Path,
) -> None:
    broker = private_servers().valkey
    environment = {**test_environment, "REDIS_URL": broker.url(), "SWEEP_SECONDS": "1"}
    site = start_site(process, environment)
    token = Token.objects.create(user=town.people.member).key
    phone = Phone(site, token, {"category": town.categories.rubbish.code, "cell": town.cell.code})
    broker.kill()

    slowest = 0.0
    for _ in range(5):
        began = time.monotonic()
        assert phone.file(uuid.uuid4().hex).status_code == 201
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 3
    checks = httpx.get(f"{site}/readyz").json()["checks"]
    assert checks["broker"] == {"ok": False, "reason": "the broker does not answer"}
    assert Issue.objects.filter(state=State.COLLECTED).count() == 5

    broker.start(lambda _text: None)
    Issue.objects.update(filed_at=F("filed_at") - timedelta(minutes=1))  # instead of waiting for twenty seconds
    worker = process(processes.worker(concurrency=1), environment)
    worker.start(lambda: " ready." in worker.said())
    beat = process(processes.beat(schedule=tmp_path / "beat"), environment)
    beat.start(lambda: True)
    assert wait_for(lambda: not Issue.objects.filter(state=State.COLLECTED).exists(), 30), worker.said()
    assert IssueEvent.objects.count() == 5 * 4
    assert broken_chains() == []
    assert check_invariants(now=clock.now()).findings == []
    assert wait_for(lambda: httpx.get(f"{site}/readyz").status_code == 200, 10)


# --- PostgreSQL ---------------------------------------------------------------------------------------

PHONES = 4


@dataclass
class Load:
    """Phones that report without pause; what each was answered."""

    phone: Phone
    accepted: dict[str, str] = field(default_factory=dict)  # number by key
    refused: dict[str, str] = field(default_factory=dict)  # what was said, by key
    statuses: Counter[int] = field(default_factory=Counter)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """One phone."""
        while not self.is_over.is_set():
            self.send(uuid.uuid4().hex)

    def send(self, key: str) -> None:
        """One report; a connection that breaks is an error too."""
        try:
            answer = self.phone.file(key)
        except httpx.HTTPError as trouble:
            self.refused[key] = repr(trouble)
            return
        self.statuses[answer.status_code] += 1
        if answer.status_code in (200, 201):
            self.accepted[key] = answer.json()["number"]
        else:
            self.refused[key] = answer.text


def run_python(environment: Environment, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=paths.project_dir(),
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "grid_mgmt.settings", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def rows(url: str, query: str) -> list[Any]:
    """Ask the private database itself."""
    with closing(psycopg2.connect(url.replace("postgres://", "postgresql://"))) as link, link.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def test_a_postgresql_that_restarts_under_load_loses_nothing_accepted(
    private_servers: Callable[[], PrivateServers], process: Start
) -> None:
    private = private_servers()
    database = private.postgres
    environment = {"DATABASE_URL": database.url(), "REDIS_URL": private.valkey.url(), "GRID_TEST_SERVERS": "env"}
    run_python(environment, "manage.py", "migrate", "--verbosity", "0")
    city = json.loads(run_python(environment, "-m", "tests.faults.prepare"))
    load = Load(Phone(start_site(process, environment), city.pop("token"), city))
    threads = [threading.Thread(target=load.run) for _ in range(PHONES)]
    for thread in threads:
        thread.start()
    try:
        for end in (database.stop, database.kill):  # as an administrator does it, and as a power cut does
            restart_under(load, end, database)
    finally:
        load.is_over.set()
        for thread in threads:
            thread.join(30)

    assert set(load.statuses) == {201, 503}
    answered = [said for said in load.refused.values() if said.startswith("{")]
    assert {json.loads(said)["error"]["code"] for said in answered} == {"unavailable"}
    assert set(load.accepted.values()) <= {number for (number,) in rows(database.url(), NUMBERS)}

    for key in list(load.refused):  # the phones' outboxes send again: nothing is filed twice
        load.send(key)
    sent = {*load.accepted, *load.refused}
    assert set(load.accepted) == sent
    assert len(set(load.accepted.values())) == len(sent)
    assert rows(database.url(), "SELECT count(*) FROM issues_issue") == [(len(sent),)]
    assert run_python(environment, "-m", "tests.faults.settle").strip() == f"{len(sent)} routed, 0 breaches"


def restart_under(load: Load, end: Callable[[], None], database: Postgres) -> None:
    """End the database while phones report, start it again, and wait until reports are accepted again."""
    accepted, refused = len(load.accepted), len(load.refused)
    assert wait_for(lambda: len(load.accepted) >= accepted + 20, 30)
    end()
    assert wait_for(lambda: len(load.refused) >= refused + 3, 30)
    database.start(lambda _text: None)
    accepted = len(load.accepted)
    assert wait_for(lambda: len(load.accepted) >= accepted + 20, 60), list(load.refused.values())[-1]


NUMBERS = """
    SELECT to_char(filed_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') || '-' || lpad(id::text, 6, '0') FROM issues_issue
"""
