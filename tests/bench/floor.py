"""The floor under a service: plain psycopg2 that writes the very rows which the service was seen to write.

`written_rows` watches which tables grow while something happens, so that a service that begins to write more cannot
go unnoticed; `inserts_per_second` writes copies of such rows, from as many connections as there are clients.
"""

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from psycopg2.extras import Json

from tests.bench import ground
from tests.bench.ground import Connection

STATS = """
    SELECT relname, n_tup_ins, n_tup_upd FROM pg_stat_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""
FRESH = "client_key"  # the column in which every copy must differ

Counts = Mapping[str, tuple[int, int]]
RowValues = dict[str, Any]


def table_counts(database: str, settle_seconds: float) -> Counts:
    """(rows inserted, rows updated) so far, by table; told late, so wait before asking."""
    time.sleep(settle_seconds)
    with closing(ground.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(STATS)
        return {name: (inserted, updated) for name, inserted, updated in cursor.fetchall()}


def written_rows(before: Counts, after: Counts, times: int) -> dict[str, tuple[float, float]]:
    """Rows inserted and updated each time, by table; tables that were hardly touched are left out."""
    found = {}
    for name, (inserted, updated) in after.items():
        first = before.get(name, (0, 0))
        each = ((inserted - first[0]) / times, (updated - first[1]) / times)
        if max(each) >= 0.01:
            found[name] = each
    return found


def newest_filings(database: str, count: int) -> list[dict[str, RowValues]]:
    """The rows of the newest `count` filings: table → column → value."""
    with closing(ground.connect(database)) as connection:
        issues = _rows(connection, f"SELECT * FROM issues_issue ORDER BY id DESC LIMIT {count}")
        filings = []
        for issue in issues:
            own = {"issues_issue": issue}
            for table in ("issues_handover", "issues_issueevent"):
                [own[table]] = _rows(connection, f"SELECT * FROM {table} WHERE issue_id = {issue['id']} ORDER BY id")
            filings.append(own)
    return filings


def inserts_per_second(
    database: str, filings: Sequence[dict[str, RowValues]], connections: int, seconds: float
) -> float:
    """Copies of these filings a second, one transaction each, over that many connections at once."""
    done = [0] * connections
    end = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_insert_until, args=(database, filings, end, _counter(done, number)))
        for number in range(connections)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.monotonic() - began)


def _counter(done: list[int], number: int) -> Callable[[], None]:
    def count() -> None:
        done[number] += 1

    return count


def _insert_until(
    database: str, filings: Sequence[dict[str, RowValues]], end: float, count: Callable[[], None]
) -> None:
    with closing(ground.connect(database)) as connection, connection.cursor() as cursor:
        for filing in itertools.cycle(filings):
            if time.monotonic() >= end:
                return
            cursor.execute(*_insert("issues_issue", filing["issues_issue"] | {FRESH: uuid.uuid4().hex}, "RETURNING id"))
            [issue_id] = cursor.fetchone() or (0,)
            for table in ("issues_handover", "issues_issueevent"):
                cursor.execute(*_insert(table, filing[table] | {"issue_id": issue_id}))
            connection.commit()
            count()


def _insert(table: str, values: RowValues, ending: str = "") -> tuple[str, list[Any]]:
    columns = [name for name in values if name != "id"]
    marks = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) {ending}", [values[name] for name in columns]


def _rows(connection: Connection, query: str) -> list[RowValues]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, map(_sendable, values), strict=True)) for values in cursor.fetchall()]


def _sendable(value: object) -> object:
    return Json(value) if isinstance(value, dict) else value
