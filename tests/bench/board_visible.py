"""From "filed" on the phone to visible on an open board, while filing at half the maximum.

Real web processes, a real Celery worker that routes, one open board of a district with its live feed. Filed: the 201
has arrived. Visible: a hint has arrived on `/live/`, and the captions that the board fetched thereupon show the issue's
number. People of all districts file everything that can be filed; counted is what routing brings to that one board.
"""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from django.conf import settings

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.selectors.catalogue import catalogue
from apps.staff.models import Role
from tests.bench import ground, load, site, watch
from tests.bench.city import city_database
from tests.bench.filing import CLIENTS, filing_request
from tests.bench.load import Outcome, Plan
from tests.bench.orm import use_database
from tests.bench.people import Reporter, holder_of, reporters, session_cookie
from tests.bench.rows import Row, at_most, row
from tests.bench.stats import percentile
from tests.bench.watch import Watched

DATABASE = "board_visible"
WARM_SECONDS = 8.0
MAXIMUM_SECONDS = 6.0
MEASURED_SECONDS = 20.0
AFTERWARDS = 3.0
REPORTERS = 96  # over the districts as the cells are
ON_THE_BOARD = """
    SELECT to_char(filed_at AT TIME ZONE %s, 'YYYYMMDD-') || lpad(id::text, 6, '0') FROM issues_issue
    WHERE id > %s AND state = 'escalated' AND holder_grid_id = %s
"""


def bench() -> Iterator[Row]:
    """Milliseconds from filed to visible."""
    use_database(city_database(DATABASE))
    people = reporters(REPORTERS)
    district = tree().cell(people[0].grid_id).district_id
    assert district is not None
    cookie = session_cookie(holder_of(Role.DISPATCHER, Tier.DISTRICT, district))
    requests = _requests(people)
    use_database(None)
    with site.web(DATABASE) as web, site.worker(DATABASE):
        load.send(Plan(web.port, requests, WARM_SECONDS, 201))
        maximum = load.send(Plan(web.port, requests, MAXIMUM_SECONDS, 201, 2_000_000)).per_second
        time.sleep(2 * AFTERWARDS)  # what waits is routed
        newest = _ask("SELECT max(id) FROM issues_issue")[0]
        child = watch.start(watch.Watching(web.port, cookie, MEASURED_SECONDS + AFTERWARDS))
        time.sleep(AFTERWARDS / 2)
        plan = Plan(web.port, requests, MEASURED_SECONDS, 201, 3_000_000, rate=maximum / 2, keep_answers=True)
        outcome = load.send(plan)
        watched = watch.finish(child, 60)
    expected = set(_ask(ON_THE_BOARD, settings.TIME_ZONE, newest, district))
    yield from _rows(outcome, watched, expected, maximum)


def _requests(people: list[Reporter]) -> list[list[str]]:
    """Every client sends for several people in turn, each report of another category."""
    codes = [category.code for category in catalogue().minor_classes()]
    pairs = [(person, codes[number % len(codes)]) for number, person in enumerate(people * 8)]
    return [[filing_request(*pair) for pair in pairs[client::CLIENTS]] for client in range(CLIENTS)]


def _ask(query: str, *values: object) -> list[Any]:
    with closing(ground.connect(DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute(query, values)
        return [value for (value,) in cursor.fetchall()]


def _rows(outcome: Outcome, watched: Watched, expected: set[str], maximum: float) -> Iterator[Row]:
    seen, hints = watched.seen, watched.hints
    filed = [(json.loads(body)["number"], sent, answered) for sent, answered, body in outcome.answers]
    mine = [one for one in filed if one[0] in expected]
    shown = [(seen[number] - answered) * 1000 for number, _sent, answered in mine if number in seen]
    whole = [(seen[number] - sent) * 1000 for number, sent, _answered in mine if number in seen]
    told = f"{len(shown)} of {len(mine)} seen among the newest five; {outcome.per_second:.0f} filings/s"
    yield row(
        "board_visible_p99",
        percentile(shown, 0.99),
        "ms",
        aim=at_most(300, "ms"),
        note=f"{told} of at most {maximum:.0f} with routing",
    )
    note = f"from sending the report: p50 {percentile(whole, 0.5):.0f}, p99 {percentile(whole, 0.99):.0f} ms"
    yield row("board_visible_p50", percentile(shown, 0.5), "ms", note=note)
    routed = [(hints[id] - answered) * 1000 for number, _, answered in mine if (id := str(int(number[9:]))) in hints]
    note = f"p99 {percentile(routed, 0.99):.0f} ms: routed, published, heard"
    yield row("board_hint", percentile(routed, 0.5), "ms", note=note)
    for name, looks in (("board_glance", watched.glances), ("board_pulse", watched.pulses)):
        note = f"{len(looks)} requests, p99 {percentile(looks, 0.99):.0f} ms"
        yield row(name, percentile(looks, 0.5), "ms", note=note)
