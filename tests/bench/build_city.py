"""`manage.py build_city` at full size: 21,299 cells, 45,388 people, 30 days of issues; from start to end of Python."""

from collections.abc import Iterator

from tests.bench.city import build_city
from tests.bench.ground import CITY, connect
from tests.bench.rows import Row, at_most, row

CELLS_AND_ISSUES = "SELECT (SELECT count(*) FROM grids_grid), (SELECT count(*) FROM issues_issueevent)"


def bench() -> Iterator[Row]:
    """Seconds; once, because it takes its time."""
    seconds = build_city()
    connection = connect(CITY)
    with connection.cursor() as cursor:
        cursor.execute(CELLS_AND_ISSUES)
        cells, events = cursor.fetchone() or (0, 0)
    connection.close()
    yield row("build_city", seconds, "s", aim=at_most(60, "s"), note=f"{cells} cells, {events} events")
