"""One issue with its history: the page over HTTP, and the statements that common pages and services take.

The issue is the one with the longest history that the demo city has.
"""

from collections.abc import Iterator
from statistics import median

from django.db.models import Count

from apps.common import clock
from apps.dispatch.selectors import board as boards
from apps.dispatch.selectors.areas import areas_of
from apps.grids.models import Tier
from apps.issues.models import Issue
from apps.issues.selectors.detail import detail
from apps.staff.models import Role
from apps.staff.selectors import scope_of
from tests.bench import site
from tests.bench.city import city_database
from tests.bench.orm import use_database
from tests.bench.pages import Reader, statements
from tests.bench.people import holder_of, session_cookie
from tests.bench.rows import Row, row

DATABASE = "detail"
TIMES = 100
WARM = 5


def bench() -> Iterator[Row]:
    """Milliseconds a page, and statements."""
    use_database(city_database(DATABASE))
    user = holder_of(Role.DISPATCHER, Tier.CITY)
    cookie = session_cookie(user)
    issue = Issue.objects.alias(length=Count("events")).order_by("-length", "id")[0]
    events = issue.events.count()
    now = clock.now()
    scope = scope_of(user.pk, now)
    area = areas_of(scope)[0]
    counted = {
        "detail": statements(lambda: detail(issue.number, scope, now)),
        "board_page": statements(lambda: boards.page(scope, boards.view_filters(area, "all"), now)),
        "board_captions": statements(lambda: boards.captions(scope, area)),
        "board_counts": statements(lambda: boards.counts(scope, area, now)),
    }
    use_database(None)
    with site.web(DATABASE, workers=1) as web:
        reader = Reader(web, cookie)
        for path, name in ((f"/i/{issue.number}/", "detail_page"), ("/board/", "board_http"), ("/t/", "tasks_http")):
            for _ in range(WARM):
                reader.get(path)
            taken = [reader.milliseconds(path) for _ in range(TIMES)]
            size = len(reader.get(path)) / 1024
            note = f"{size:.0f} kB" + (f", {events} events" if name == "detail_page" else "")
            yield row(name, median(taken), "ms", note=note)
    for name, count in counted.items():
        yield row(f"statements_{name}", count, "statements")
