"""Who reported an issue and who supports it: asked wherever feedback must reach them all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.db import connection

from apps.issues.models import Issue, Support, number_of

MOST_LEVELS: Final = 5  # of issues merged into merged issues

# each issue with the duplicates merged into it, level by level
_FAMILY: Final = f"""
    WITH RECURSIVE family (main, id, level) AS (
        SELECT id, id, 0 FROM unnest(%(ids)s::bigint[]) AS id
        UNION ALL
        SELECT family.main, duplicate.id, family.level + 1
        FROM family JOIN {Issue._meta.db_table} AS duplicate ON duplicate.merged_into_id = family.id
        WHERE family.level < {MOST_LEVELS}
    )"""
_REPORTERS: Final = f"""
    SELECT family.main, reported.reporter_id
    FROM family JOIN {Issue._meta.db_table} AS reported ON reported.id = family.id"""
_REPORTED: Final = f"""
    SELECT reported.reporter_id, reported.id, reported.filed_at, reported.grid_id
    FROM family JOIN {Issue._meta.db_table} AS reported ON reported.id = family.id
    ORDER BY family.level, family.id"""
_SUPPORTERS: Final = f"""
    SELECT family.main, support.user_id
    FROM family JOIN {Support._meta.db_table} AS support ON support.issue_id = family.id"""
_COUNTED: Final = f"""{_FAMILY}, people (main, user_id) AS (
        {_REPORTERS}
        UNION
        {_SUPPORTERS}
    )
    SELECT people.main, count(*) FROM people JOIN {Issue._meta.db_table} AS issue ON issue.id = people.main
    WHERE people.user_id <> issue.reporter_id GROUP BY people.main"""


class Reported(NamedTuple):
    """One report of a matter, with what its reporter knows it by."""

    reporter_id: int
    id: int
    filed_at: datetime
    grid_id: int

    @property
    def number(self) -> str:
        """The human number."""
        return number_of(self.id, self.filed_at)


def reports_of(issue: Issue) -> list[Reported]:
    """The issue itself, then every duplicate merged into it, the nearer ones first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_FAMILY} {_REPORTED}", {"ids": [issue.pk]})
        return [Reported(*row) for row in cursor.fetchall()]


def supporters_of(issue: Issue) -> list[int]:
    """Ids of whoever supports it or a duplicate merged into it, each once, the earliest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_FAMILY} {_SUPPORTERS} ORDER BY support.id", {"ids": [issue.pk]})
        return list(dict.fromkeys(user_id for _main, user_id in cursor.fetchall()))


def also_reported(ids: Sequence[int]) -> dict[int, int]:
    """How many people beside its reporter reported or support each issue, by its id; 0 is left out. One query."""
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED, {"ids": list(ids)})
        return dict(cursor.fetchall())
