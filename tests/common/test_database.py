"""The look at a kept connection."""

from contextlib import closing
from typing import Any

import psycopg2
import pytest
from django.db import connections
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext

from apps.common.database.base import DatabaseWrapper
from apps.common.database.prepared import Prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept() -> DatabaseWrapper:
    """The product's own connection, open."""
    connection = connections["default"]
    assert isinstance(connection, DatabaseWrapper)
    connection.ensure_connection()
    return connection


def _pid(kept: DatabaseWrapper) -> int:
    with kept.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _from_outside(kept: DatabaseWrapper, query: str, pid: int) -> object:
    """Ask the same server over another connection."""
    with closing(psycopg2.connect(kept.connection.dsn)) as other, other.cursor() as cursor:
        cursor.execute(query, [pid])
        return (cursor.fetchone() or (None,))[0]


def _end(kept: DatabaseWrapper) -> int:
    pid = _pid(kept)
    assert _from_outside(kept, "SELECT pg_terminate_backend(%s, 5000)", pid)
    return pid


def test_a_living_connection_is_usable_without_asking_the_server(kept: DatabaseWrapper) -> None:
    pid = _pid(kept)
    assert kept.is_usable()
    newest = _from_outside(kept, "SELECT query FROM pg_stat_activity WHERE pid = %s", pid)
    assert newest == "SELECT pg_backend_pid()"


def test_a_connection_that_the_server_has_closed_is_not_usable(kept: DatabaseWrapper) -> None:
    _end(kept)
    assert not kept.is_usable()
    kept.close()


def test_after_an_error_the_server_itself_is_asked(kept: DatabaseWrapper) -> None:
    pid = _pid(kept)
    kept.errors_occurred = True
    assert kept.is_usable()
    kept.errors_occurred = False
    assert _from_outside(kept, "SELECT query FROM pg_stat_activity WHERE pid = %s", pid) == "SELECT 1"


def test_the_next_request_gets_a_new_connection_when_the_server_has_closed_the_old_one(kept: DatabaseWrapper) -> None:
    ended = _end(kept)
    kept.close_if_unusable_or_obsolete()  # what Django does as a request begins
    assert _pid(kept) != ended


def test_a_connection_that_nobody_opened_is_not_usable(kept: DatabaseWrapper) -> None:
    kept.close()
    assert not kept.is_usable()


SUM = Prepared("sum_of_three", "SELECT %(one)s::integer + %(two)s::integer + %(one)s::integer")


def _sum(kept: DatabaseWrapper, one: int, two: int) -> int:
    with kept.cursor() as cursor:
        SUM.execute(cursor, {"one": one, "two": two})
        return int(cursor.fetchone()[0])


def test_a_prepared_statement_is_sent_whole_once_for_a_connection(kept: DatabaseWrapper) -> None:
    kept.close()
    with CaptureQueriesContext(kept) as queries:
        assert [_sum(kept, 1, 2), _sum(kept, 3, 4)] == [4, 10]
    assert [query["sql"].split()[0] for query in queries] == ["PREPARE", "EXECUTE", "EXECUTE"]


def test_a_new_connection_prepares_again(kept: DatabaseWrapper) -> None:
    assert _sum(kept, 1, 2) == 4
    kept.close()
    assert _sum(kept, 5, 6) == 16


def test_a_statement_prepared_in_a_transaction_survives_its_rollback(kept: DatabaseWrapper) -> None:
    kept.close()
    with pytest.raises(LookupError), atomic():
        assert _sum(kept, 1, 2) == 4
        raise LookupError
    assert _sum(kept, 5, 6) == 16


def test_behind_a_pooler_nothing_is_prepared(kept: DatabaseWrapper, settings: Any) -> None:
    settings.PREPARED_STATEMENTS = False
    with CaptureQueriesContext(kept) as queries:
        assert _sum(kept, 1, 2) == 4
    assert [query["sql"].split()[0] for query in queries] == ["SELECT"]
