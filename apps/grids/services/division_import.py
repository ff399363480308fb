"""Takes a file of divisions into the tree: adds, renames, moves, never deletes. All or nothing; twice is once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.grids.division_rows import DivisionRow, read_rows
from apps.grids.services.cells import move_cell
from apps.grids.services.lock import bump_version, tree_lock
from apps.grids.services.numbering import renumber_forest
from apps.grids.services.pinyin import initials
from apps.grids.services.problems import SHOWN, Problems
from apps.grids.services.staging import BATCH, batched, drop_staged, insert_staged, stage


@dataclass(frozen=True, slots=True)
class DivisionsDiff:
    """What a file changes, or would change. A row both renamed and moved counts in both."""

    rows: int
    added: int
    renamed: int
    moved: int
    unchanged: int

    @property
    def is_empty(self) -> bool:
        """Whether the tree has all of it already."""
        return not (self.added or self.renamed or self.moved)


def import_divisions(
    *,
    lines: Iterable[bytes],
    valid_from: date,
    now: datetime,
    city: str = "",
    is_dry_run: bool = False,
    shown: int = SHOWN,
) -> DivisionsDiff:
    """Import the lines of a CSV file with the columns code, name, level, parent_code; return what changed.

    Rows may stand in any order and hang below cells that exist. `city` takes one city out of a national file.
    The file streams into a temporary table: memory does not grow with it. Cells that are not in the file stay.
    Raises ImportRefused with the first `shown` problems; then nothing was changed.
    """
    problems = Problems(shown)
    with tree_lock():
        stage(_fields(row, valid_from) for row in read_rows(lines, problems.add, city))
        _compare_with_each_other_and_the_tree(problems)
        problems.refuse_any()
        diff = _diff()
        moves = [] if is_dry_run else _write(diff)
        drop_staged()
        for cell_id, parent_code in moves:
            move_cell(cell_id=cell_id, parent_id=_live_id(parent_code), now=now)
        if not is_dry_run and not diff.is_empty:
            bump_version()
    return diff


def _fields(row: DivisionRow, valid_from: date) -> tuple[object, ...]:
    return (row.number, row.code, row.name, "", int(row.tier), row.parent_code or None, False, valid_from)


# Each query gives the row's number in the file and one value for the sentence.
_PROBLEMS: tuple[tuple[Promise, str], ...] = (
    (
        _("the code %(value)s stands in the file already."),
        "SELECT number, code FROM (SELECT number, code, row_number() OVER (PARTITION BY code ORDER BY number) AS nth "
        "FROM staged_cells) AS s WHERE nth > 1",
    ),
    (
        _("the parent %(value)s is neither in the file nor in the tree."),
        "SELECT s.number, s.parent_code FROM staged_cells s WHERE s.tier > 0 "
        "AND NOT EXISTS (SELECT 1 FROM staged_cells p WHERE p.code = s.parent_code) "
        "AND NOT EXISTS (SELECT 1 FROM grids_grid p WHERE p.code = s.parent_code AND p.valid_to IS NULL)",
    ),
    (
        _("the parent %(value)s is not of the level above."),
        "SELECT s.number, s.parent_code FROM staged_cells s JOIN "
        "(SELECT code, tier FROM staged_cells UNION SELECT code, tier FROM grids_grid WHERE valid_to IS NULL) p "
        "ON p.code = s.parent_code WHERE p.tier <> s.tier - 1",
    ),
    (
        _("%(value)s is another city. One instance holds one city; use --city to take it out of a larger file."),
        "SELECT number, code FROM staged_cells WHERE tier = 0 AND code <> coalesce("
        "(SELECT code FROM grids_grid WHERE tier = 0 AND valid_to IS NULL), "
        "(SELECT min(code) FROM staged_cells WHERE tier = 0))",
    ),
    (
        _("the code %(value)s belongs to a cell that has been closed. Codes are never reused."),
        "SELECT s.number, s.code FROM staged_cells s JOIN grids_grid g USING (code) GROUP BY 1, 2 "
        "HAVING bool_and(g.valid_to IS NOT NULL)",
    ),
)


def _compare_with_each_other_and_the_tree(problems: Problems) -> None:
    with connection.cursor() as cursor:
        for sentence, query in _PROBLEMS:
            cursor.execute(f"SELECT *, count(*) OVER () FROM ({query}) AS p ORDER BY number LIMIT %s", [problems.shown])
            rows = cursor.fetchall()
            for number, value, _total in rows:
                problems.add(number, sentence, value=value)
            if rows:
                problems.count_more(rows[0][2] - len(rows))


_LIVE_PAIRS = """
FROM staged_cells s JOIN grids_grid g ON g.code = s.code AND g.valid_to IS NULL
LEFT JOIN grids_grid p ON p.id = g.parent_id
"""
_IS_MOVED = "s.tier > 1 AND p.code IS DISTINCT FROM s.parent_code"


def _diff() -> DivisionsDiff:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE staged_cells s SET is_new = false FROM grids_grid g WHERE g.code = s.code AND g.valid_to IS NULL"
        )
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE is_new) FROM staged_cells")
        rows, added = cursor.fetchone()
        cursor.execute(
            f"SELECT count(*) FILTER (WHERE g.name <> s.name), count(*) FILTER (WHERE {_IS_MOVED}), "
            f"count(*) FILTER (WHERE g.name = s.name AND NOT ({_IS_MOVED})) {_LIVE_PAIRS}"
        )
        renamed, moved, unchanged = cursor.fetchone()
    return DivisionsDiff(rows, added, renamed, moved, unchanged)


def _write(diff: DivisionsDiff) -> list[tuple[int, str]]:
    """Rename and add; return the moves to be made: cell id and code of the new parent, higher tiers first."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT g.id, s.parent_code {_LIVE_PAIRS} WHERE {_IS_MOVED} ORDER BY s.tier, s.number")
        moves: list[tuple[int, str]] = cursor.fetchall()
        if diff.renamed:
            cursor.execute(f"SELECT g.id, s.name {_LIVE_PAIRS} WHERE g.name <> s.name")
            _rename_all(cursor.fetchall())
    if diff.added:
        _fill_initials()
        insert_staged()
        renumber_forest()
    return moves


def _rename_all(names: list[tuple[int, str]]) -> None:
    with connection.cursor() as cursor:
        for batch in batched(names, BATCH):
            cursor.execute(
                "UPDATE grids_grid g SET name = n.name, pinyin = n.pinyin "
                "FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS n (id, name, pinyin) WHERE g.id = n.id",
                [[id for id, _name in batch], [name for _id, name in batch], [initials(name) for _id, name in batch]],
            )


def _fill_initials() -> None:
    """Compute the initials of the new rows, read through a cursor on the server."""
    with connection.chunked_cursor() as source, connection.cursor() as cursor:
        source.execute("SELECT code, name FROM staged_cells WHERE is_new")
        while batch := source.fetchmany(BATCH):
            cursor.execute(
                "UPDATE staged_cells s SET pinyin = n.pinyin FROM unnest(%s::text[], %s::text[]) AS n (code, pinyin) "
                "WHERE s.code = n.code",
                [[code for code, _name in batch], [initials(name) for _code, name in batch]],
            )


def _live_id(code: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM grids_grid WHERE code = %s AND valid_to IS NULL", [code])
        (id,) = cursor.fetchone()
    return int(id)
