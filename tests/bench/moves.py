"""One move at 30 k and at 3 M issues: does it care how many there are?

A report is signed, reported up, signed, assigned down, signed, fed back and concluded by leaders of a cell and its
village, each by `make_move` in a transaction of its own. Two databases that differ in size only take chains in turns;
they are those of `queue_page` where that ran before.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from django.utils import timezone

from apps.common import clock
from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.services.moves import MoveFields, make_move
from apps.staff.models import Post, Role, User
from tests.bench import queue_page
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_most, row

SMALL, LARGE = queue_page.SMALL, queue_page.LARGE
CHAINS = 120
WARM = 20  # chains before the clock runs
WORDS = "已处理，请核"


class Press(NamedTuple):
    """A move of the chain: `by_cell`: by the cell's leader, else by the village's; `is_down`: to the cell."""

    move: str
    by_cell: bool
    is_down: bool = False


CHAIN = (
    Press("sign", by_cell=True),
    Press("report_up", by_cell=True),
    Press("sign", by_cell=False),
    Press("assign", by_cell=False, is_down=True),
    Press("sign", by_cell=True),
    Press("feed_back", by_cell=True),
    Press("conclude", by_cell=False),
)


def bench() -> Iterator[Row]:
    """Milliseconds a move."""
    queue_page.make_databases((SMALL, LARGE))
    taken: dict[str, dict[str, list[float]]] = {size: defaultdict(list) for size in (SMALL, LARGE)}
    work = {size: _work(size) for size in taken}
    for place in range(CHAINS):
        for size, mine in taken.items():
            use_database(queue_page.database_name(size))
            issue, cell_leader, village_leader = work[size][place]
            times = _chain(issue, cell_leader, village_leader)
            if place >= WARM:
                for press, milliseconds in zip(CHAIN, times, strict=True):
                    mine[press.move].append(milliseconds)
    means = {size: sum(median(own) for own in mine.values()) / len(mine) for size, mine in taken.items()}
    each = ", ".join(f"{name} {median(own):.1f}" for name, own in taken[LARGE].items())
    yield row(
        "moves",
        means[LARGE],
        "ms",
        against=f"the same at {SMALL}",
        against_value=means[SMALL],
        aim=at_most(1.3, of="ratio"),
        note=f"{CHAINS - WARM} chains of {len(CHAIN)} moves; medians at {LARGE} in ms: {each}",
    )


def _work(size: str) -> list[tuple[Issue, User, User]]:
    """Open issues of cells that have a leader, as their villages have."""
    use_database(queue_page.database_name(size))
    posts = Post.objects.filter(role=Role.LEADER, valid__contains=timezone.localdate(), is_stand_in=False)
    leaders = {post.grid_id: post.user for post in posts.select_related("user")}
    found: list[tuple[Issue, User, User]] = []
    index = tree()
    for issue in Issue.objects.filter(closed_at=None, state="assigned", version=1).order_by("-id")[: CHAINS * 5]:
        cell = index.cell(issue.grid_id)
        pair = (leaders.get(cell.id), leaders.get(cell.superior_id or 0))
        if cell.tier == Tier.LEVEL3 and pair[0] and pair[1] and pair[0] != pair[1]:
            found.append((issue, pair[0], pair[1]))
    return found[:CHAINS]


def _chain(issue: Issue, cell_leader: User, village_leader: User) -> list[float]:
    times, now = [], clock.now()
    for press in CHAIN:
        now += timedelta(seconds=30)
        fields = MoveFields(text=WORDS, to_grid_id=issue.grid_id if press.is_down else None)
        actor = cell_leader if press.by_cell else village_leader
        began = time.perf_counter()
        issue = make_move(
            move=press.move, issue_id=issue.id, version=issue.version, actor=actor, fields=fields, now=now
        )
        times.append((time.perf_counter() - began) * 1000)
    return times
