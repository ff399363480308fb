"""One writer at a time on the tree: django-mptt's numbers break silently under two (wrong ancestors, no error)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction

from apps.grids.selectors.versions import look_again

TREE_LOCK: Final = (7201, 1)


@contextmanager
def tree_lock() -> Iterator[None]:
    """Open a transaction and take the tree's advisory lock. Read nodes only inside: older instances are stale."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", TREE_LOCK)
        yield


def bump_version() -> int:
    """Give cells and boundaries a new version and return it. Call inside the transaction of the change."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO grids_boundaryversion (id, number) VALUES (1, nextval('grids_version_numbers')) "
            "ON CONFLICT (id) DO UPDATE SET number = excluded.number RETURNING number"
        )
        (number,) = cursor.fetchone()
    look_again()
    transaction.on_commit(look_again)
    return int(number)
