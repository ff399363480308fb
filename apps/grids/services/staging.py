"""Rows on their way into the tree: COPY into a temporary table, so that no large file ever lies in memory."""

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import islice
from typing import TypeVar

from django.db import connection
from django.db.backends.utils import CursorWrapper

Item = TypeVar("Item")

BATCH = 5_000

_CREATE = """
CREATE TEMP TABLE staged_cells (
    number integer, code text, name text, pinyin text, tier smallint, parent_code text, is_local_code boolean,
    valid_from date, is_new boolean DEFAULT true
) ON COMMIT DROP
"""
# Level by level, so that a parent has its id before its children ask for it. A parent that is nowhere leaves parent_id
# empty, which a check constraint refuses. A district's own parent is the city, which is not its parent in the tree.
_INSERT_TIER = """
INSERT INTO grids_grid (code, name, pinyin, tier, parent_id, is_local_code, valid_from, tree_id, level, lft, rght)
SELECT s.code, s.name, s.pinyin, s.tier, p.id, s.is_local_code, s.valid_from,
       coalesce(p.tree_id, (SELECT coalesce(max(tree_id), 0) FROM grids_grid) + row_number() OVER (ORDER BY s.code)),
       0, 0, 0
FROM staged_cells s LEFT JOIN grids_grid p ON p.code = s.parent_code AND p.valid_to IS NULL AND s.tier > 1
WHERE s.tier = {tier} AND s.is_new
"""
_INSERT = tuple(_INSERT_TIER.format(tier=tier) for tier in range(5))
_COLUMNS = "number, code, name, pinyin, tier, parent_code, is_local_code, valid_from"


def stage(rows: Iterable[Sequence[object]]) -> None:
    """Make the staging table of this transaction and fill it: number, code, name, pinyin, tier, parent code, is local
    code, valid from.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        for batch in batched(rows, BATCH):
            copy_rows(cursor, f"COPY staged_cells ({_COLUMNS}) FROM STDIN", batch)
        cursor.execute("CREATE INDEX ON staged_cells (code)")
        cursor.execute("ANALYZE staged_cells")


def insert_staged() -> None:
    """Insert the staged rows marked new, without tree numbers: `renumber_forest` must follow."""
    with connection.cursor() as cursor:
        for statement in _INSERT:
            cursor.execute(statement)


def drop_staged() -> None:
    """Drop the staging table; a second load in the same transaction makes its own."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE staged_cells")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield lists of up to `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _field(value: object) -> str:
    """As COPY's text format has it. By replace(), because translate() takes 70 times as long on a polygon's hex."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return "\\N" if value is None else str(value)


def copy_rows(cursor: CursorWrapper, statement: str, rows: Iterable[Sequence[object]]) -> None:
    """Send rows by COPY in text format; None becomes NULL."""
    text = StringIO()
    for row in rows:
        text.write("\t".join(_field(value) for value in row) + "\n")
    text.seek(0)
    cursor.copy_expert(statement, text)
