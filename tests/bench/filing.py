"""Filings a second through HTTP: token, JSON, Idempotency-Key, position, to `POST /api/v1/issues/` of the real site.

Two web processes, eight phones that keep their connection, the load generator beside them on the same machine. In turns
with (a) the floor: eight plain psycopg2 connections writing the rows that one filing was seen to write, and (b) the
peer: django-helpdesk's public form under the same web server, on the same PostgreSQL.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from statistics import median

from apps.issues.selectors.catalogue import catalogue
from tests.bench import floor, ground, load, site
from tests.bench.city import city_database
from tests.bench.load import NUMBER, Outcome, Plan
from tests.bench.orm import use_database
from tests.bench.peer.start import PeerMissing, helpdesk, ticket_request
from tests.bench.people import Reporter, reporters
from tests.bench.rows import Row, at_least, not_measured, row

DATABASE = "filing"
CLIENTS = 8
SECONDS = 8.0
ROUNDS = 3
WARM_SECONDS = 6.0  # the first report of a process waits for its trees of cells and shapes
WATCHED = 100  # filings whose rows are counted
STATISTICS_SECONDS = 11.0  # idle servers report what they wrote after ten seconds
KNOWN = {"issues_issue": (1, 0), "issues_handover": (1, 0), "issues_issueevent": (1, 0)}
CATEGORIES_USED = 20


def bench() -> Iterator[Row]:
    """Filings a second, their latency, and what they stand against."""
    use_database(city_database(DATABASE))
    requests = filing_requests(reporters(CLIENTS))
    use_database(None)
    with ExitStack() as open_sites:
        ours = open_sites.enter_context(site.web(DATABASE))
        filed, written = _rows_per_filing(ours.port, requests)
        filings = floor.newest_filings(DATABASE, min(filed, WATCHED))
        try:
            peer: int | None = open_sites.enter_context(helpdesk())
        except PeerMissing as missing:
            peer = None
            yield not_measured("filing_peer", str(missing))
        rounds = Rounds(requests, ours.port, peer, filings)
        rounds.take()
    yield from rounds.rows(written)


class Rounds:
    """Filing, floor and peer in turns."""

    def __init__(
        self, requests: list[list[str]], port: int, peer: int | None, filings: list[dict[str, floor.RowValues]]
    ) -> None:
        self.requests, self.port, self.peer, self.filings = requests, port, peer, filings
        self.ours: list[Outcome] = []
        self.theirs: list[Outcome] = []
        self.floors: list[float] = []
        self.number = 1_000_000

    def take(self) -> None:
        """Warm up, then measure."""
        self._file(2.0)
        if self.peer:
            self._submit(self.peer, 2.0)
        for _ in range(ROUNDS):
            self.ours.append(self._file(SECONDS))
            self.floors.append(floor.inserts_per_second(DATABASE, self.filings, CLIENTS, SECONDS / 2))
            if self.peer:
                self.theirs.append(self._submit(self.peer, SECONDS))

    def rows(self, written: str) -> Iterator[Row]:
        """The figures, medians of the rounds."""
        per_second = median(outcome.per_second for outcome in self.ours)
        low_floor = median(self.floors)
        yield row(
            "filing",
            per_second,
            "filings/s",
            against="raw inserts, 8 connections",
            against_value=low_floor,
            aim=at_least(0.25, of="ratio"),
            note=written,
        )
        half, slow = (median(one.latency(share) for one in self.ours) for share in (0.5, 0.99))
        yield row("filing_p99", slow, "ms", note=f"p50 {half:.3g} ms; wrong answers: {sum(o.wrong for o in self.ours)}")
        if self.theirs:
            yield row(
                "filing_peer",
                per_second,
                "filings/s",
                against="django-helpdesk tickets/s",
                against_value=median(outcome.per_second for outcome in self.theirs),
                aim=at_least(5, of="ratio"),
                note=f"its p99 {median(o.latency(0.99) for o in self.theirs):.3g} ms",
            )

    def _file(self, seconds: float) -> Outcome:
        plan = Plan(self.port, self.requests, seconds, expect=201, first_number=self.number)
        self.number += 1_000_000
        return load.send(plan)

    def _submit(self, port: int, seconds: float) -> Outcome:
        return load.send(Plan(port, [[ticket_request()]] * CLIENTS, seconds, expect=302, first_number=self.number))


def filing_requests(people: list[Reporter]) -> list[list[str]]:
    """For each reporter the requests to repeat: one for each of some categories, in the reporter's own cell."""
    codes = [category.code for category in catalogue().minor_classes()][:CATEGORIES_USED]
    return [[filing_request(person, code) for code in codes] for person in people]


def filing_request(person: Reporter, category: str) -> str:
    """One report as a phone sends it; NUMBER makes each of its kind another one."""
    body = {
        "category": category,
        "text": f"路边有建筑垃圾未清运，影响通行，请尽快处理。{NUMBER}",
        "lon": person.lon,
        "lat": person.lat,
        "accuracy_m": 12.5,
    }
    headers = {
        "Authorization": f"Token {person.token}",
        "Idempotency-Key": f"bench-{NUMBER}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Language": "zh-CN,zh;q=0.9",
    }
    return load.request("POST", "/api/v1/issues/", headers, json.dumps(body, ensure_ascii=False))


def _rows_per_filing(port: int, requests: list[list[str]]) -> tuple[int, str]:
    """Make some filings; returns how many, and what each wrote. Raises RuntimeError if the floor writes other rows."""
    load.send(Plan(port, requests, WARM_SECONDS, expect=201))
    counts = floor.table_counts(DATABASE, STATISTICS_SECONDS)
    with closing(ground.connect(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM issues_issue")
        [before] = cursor.fetchone() or (0,)
    load.send(Plan(port, requests, seconds=2.0, expect=201, rate=WATCHED, first_number=500_000))
    after = floor.table_counts(DATABASE, STATISTICS_SECONDS)
    with closing(ground.connect(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - %s FROM issues_issue", [before])
        [filed] = cursor.fetchone() or (0,)
    written = floor.written_rows(counts, after, filed)
    if {table: (round(added), round(changed)) for table, (added, changed) in written.items()} != KNOWN:
        raise RuntimeError(f"a filing writes other rows than the floor does: {written}")
    return filed, "a filing writes " + ", ".join(f"{added:.2g} {table}" for table, (added, _changed) in written.items())
