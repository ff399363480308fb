"""500 open boards: does every one hear every hint, how late, and what memory does each take in the web processes?

Hints are published at ten a second through the product's own feed; the listeners are a process of their own on the same
machine, so its work is part of the figure.
"""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from apps.common.feed import publish_after_commit
from apps.grids.models import Grid, Tier
from apps.staff.models import Role
from tests.bench import listen, site
from tests.bench.city import city_database
from tests.bench.cpu import tree
from tests.bench.orm import use_database
from tests.bench.people import holder_of, session_cookie
from tests.bench.rows import Row, at_least, row
from tests.bench.stats import percentile

DATABASE = "listeners"
BOARDS = 500
HINTS = 100
PER_SECOND = 10
AFTERWARDS = 3.0  # seconds for the last hint to arrive


def bench() -> Iterator[Row]:
    """Delivery and memory."""
    use_database(city_database(DATABASE))
    dispatcher = holder_of(Role.DISPATCHER, Tier.CITY)
    cookies = [session_cookie(dispatcher) for _ in range(BOARDS)]
    cell = Grid.objects.filter(tier=Tier.LEVEL3).order_by("id")[0]
    with site.web(DATABASE) as web:
        warm = listen.start(listen.Listening(web.port, cookies[:4], 1.0))
        listen.finish(warm, 30)
        before = _resident_kilobytes(web.process.pid)
        began = time.time()
        child = listen.start(listen.Listening(web.port, cookies, HINTS / PER_SECOND + AFTERWARDS))
        connected = time.time() - began
        told = _publish(cell)
        after = _resident_kilobytes(web.process.pid)
        heard = listen.finish(child, 60)
    late = [(at - told[issue]) * 1000 for issue, at in heard if issue in told]
    each = Counter(issue for issue, _at in heard)
    everybody = sum(each[issue] == BOARDS for issue in told)
    yield row(
        "listeners",
        len(late),
        "deliveries",
        against="hints × boards",
        against_value=HINTS * BOARDS,
        aim=at_least(1, of="ratio"),
        note=f"{everybody} of {HINTS} hints heard by all {BOARDS}; all connected in {connected:.1f} s",
    )
    yield row("listeners_p99", percentile(late, 0.99), "ms", note=f"p50 {percentile(late, 0.5):.3g} ms")
    yield row("listeners_memory", (after - before) / BOARDS, "kB/board", note="resident memory of the web processes")


def _publish(cell: Grid) -> dict[int, float]:
    """Publish the hints at their pace; returns when each was told."""
    told: dict[int, float] = {}
    fields: dict[str, str | int] = {"kind": "report_up", "version": 1, "district": 0, "department": 0}
    for number in range(1, HINTS + 1):
        told[number] = time.time()
        with transaction.atomic():
            publish_after_commit([{**fields, "issue": number, "grid": cell.pk, "holder_grid": cell.pk}])
        time.sleep(max(0.0, told[number] + 1 / PER_SECOND - time.time()))
    return told


def _resident_kilobytes(pid: int) -> int:
    total = 0
    for one in tree(pid):
        fields = dict(
            line.split(":", 1) for line in Path(f"/proc/{one}/status").read_text().splitlines() if ":" in line
        )
        total += int(fields["VmRSS"].split()[0])
    return total
