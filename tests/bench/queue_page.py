"""The board's queue at 30 k, 300 k and 3 M issues, one in ten of them open: does a page care how many there are?

The real selector with the real predicate of a district's dispatcher and of the city's, first page and a page deep in
the queue, then the whole board over HTTP. Three databases that differ in size only are asked in turns.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from statistics import median

from apps.common import clock
from apps.grids.models import Tier
from apps.issues.models import State
from apps.issues.selectors.queue import Filters, queue_page
from apps.staff.models import Role, User
from apps.staff.selectors import Scope, scope_of
from tests.bench import crowd, ground, site
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.pages import Reader, statements
from tests.bench.people import holder_of, session_cookie
from tests.bench.rows import Row, at_most, row
from tests.bench.stats import milliseconds

SIZES = {"30 k": 30_000, "300 k": 300_000, "3 M": 3_000_000}
SMALL, LARGE = "30 k", "3 M"
OPEN_EVERY = 10
SPREAD = timedelta(days=30)  # from the first filing to the last, whatever the size
LIMIT = timedelta(days=60)
ROUNDS = 5
PAGES = 20  # of one kind in a round
DEEP = 3  # pages before the one that is called deep: as far as a district's queue goes at 30 k


def bench() -> Iterator[Row]:
    """Milliseconds a page."""
    make_databases(SIZES)
    use_database(database_name(SMALL))
    people = {"district": holder_of(Role.DISPATCHER, Tier.DISTRICT), "city": holder_of(Role.DISPATCHER, Tier.CITY)}
    yield from _selector_rows(people)
    yield from _http_row(people["city"])


def make_databases(sizes: Iterable[str]) -> None:
    """The databases of those sizes, where another bench of this run has not made them."""
    for size in sizes:
        name = database_name(size)
        if not ground.exists(name):
            city_database(name)
            step = SPREAD / SIZES[size]
            start = clock.now() - SPREAD
            crowd.gather(
                name,
                crowd.Crowd(SIZES[size], start, State.ASSIGNED, LIMIT, LIMIT * 0.75, step=step, open_every=OPEN_EVERY),
            )


def _selector_rows(people: Mapping[str, User]) -> Iterator[Row]:
    at = clock.now()
    for who, user in people.items():
        taken: dict[tuple[str, str], list[float]] = {}
        for _ in range(ROUNDS):
            for size in SIZES:
                use_database(database_name(size))
                scope = scope_of(user.pk, at)
                for which, after in (("first", None), ("deep", _cursor(scope, DEEP))):
                    ask = partial(queue_page, scope, at=at, after=after)
                    ask()
                    taken.setdefault((which, size), []).append(milliseconds(ask, PAGES))
        for which in ("first", "deep"):
            yield _row(f"queue_page_{who}_{which}", {size: median(taken[which, size]) for size in SIZES})
    use_database(database_name(LARGE))
    scope = scope_of(people["district"].pk, at)
    count = statements(lambda: queue_page(scope, Filters(), at=at))
    yield row("queue_page_statements", count, "statements", note="one page of the selector")


def _row(name: str, taken: Mapping[str, float]) -> Row:
    middle = ", ".join(f"{size}: {value:.3g} ms" for size, value in taken.items())
    return row(
        name,
        taken[LARGE],
        "ms",
        against=f"the same at {SMALL}",
        against_value=taken[SMALL],
        aim=at_most(1.3, of="ratio"),
        note=middle,
    )


def _http_row(who: User) -> Iterator[Row]:
    """The whole board of the city's dispatcher; one web process for each database."""
    cookies: dict[str, str] = {}
    for size in (SMALL, LARGE):
        use_database(database_name(size))
        cookies[size] = session_cookie(who)
    use_database(None)
    with ExitStack() as sites:
        readers = {
            size: Reader(sites.enter_context(site.web(database_name(size), workers=1)), cookie)
            for size, cookie in cookies.items()
        }
        taken: dict[str, list[float]] = {size: [] for size in readers}
        for reader in readers.values():
            for _ in range(3):
                reader.get("/board/")
        for _ in range(ROUNDS * PAGES // 2):
            for size, reader in readers.items():
                taken[size].append(reader.milliseconds("/board/"))
    yield _row("queue_page_http", {size: median(values) for size, values in taken.items()})


def _cursor(scope: Scope, pages: int) -> str:
    """The cursor behind so many pages."""
    cursor = None
    for _ in range(pages):
        cursor = queue_page(scope, at=clock.now(), after=cursor).next_cursor
    if cursor is None:
        raise RuntimeError("the queue is too short to be deep")
    return cursor


def database_name(size: str) -> str:
    """The database of that size."""
    return "queue_" + size.replace(" ", "").lower()
