"""People, departments and posts in bulk: COPY into staging, then one INSERT each. All or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from apps.grids.services.pinyin import initials
from apps.grids.services.staging import copy_rows


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person to load. Without `password` (an encoded one) nobody can sign in as this person."""

    username: str
    name: str
    phone: str = ""
    password: str = ""
    is_superuser: bool = False


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """A department of the cell with the code `grid_code`."""

    code: str
    kind: str
    name: str
    name_en: str
    grid_code: str
    phone: str = ""


@dataclass(frozen=True, slots=True)
class PostRow:
    """`username` holds `role` in the cell `grid_code` from `since`, up to but not on `until`."""

    username: str
    grid_code: str
    role: str
    since: date
    until: date | None = None
    department_code: str | None = None
    is_stand_in: bool = False


@transaction.atomic
def load_staff(
    *, people: Iterable[PersonRow], departments: Iterable[DepartmentRow], posts: Iterable[PostRow], now: datetime
) -> None:
    """Add people, then departments, then posts, which may name people, departments and live cells that exist already.

    Raises IntegrityError for a staff number or department code that is taken, for a post that names somebody or some
    place unknown, and for two leaders of one cell at a time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        nobodys = make_password(None)  # an unusable one; it opens nothing, so one mark serves all
        copy_rows(cursor, "COPY staged_people FROM STDIN", (_person(row, nobodys) for row in people))
        cursor.execute(_INSERT_PEOPLE, {"now": now})
        copy_rows(cursor, "COPY staged_departments FROM STDIN", (_department(row) for row in departments))
        cursor.execute(_INSERT_DEPARTMENTS)
        copy_rows(cursor, "COPY staged_posts FROM STDIN", (_post(row) for row in posts))
        cursor.execute(_INSERT_POSTS)
        cursor.execute("DROP TABLE staged_people, staged_departments, staged_posts")
        cursor.execute("ANALYZE staff_user, staff_department, staff_post")


def _person(row: PersonRow, nobodys: str) -> tuple[object, ...]:
    return (row.username, row.name, _name_initials(row.name), row.phone, row.password or nobodys, row.is_superuser)


_known_initials = cache(initials)


def _name_initials(name: str) -> str:
    """Surname and given name by themselves: both come again and again, and looking words up is slow."""
    return _known_initials(name[:1]) + _known_initials(name[1:])


def _department(row: DepartmentRow) -> tuple[object, ...]:
    return (row.code, row.kind, row.name, row.name_en, row.grid_code, row.phone)


def _post(row: PostRow) -> tuple[object, ...]:
    valid = f"[{row.since.isoformat()},{row.until.isoformat() if row.until else ''})"
    return (row.username, row.grid_code, row.department_code, row.role, valid, row.is_stand_in)


_STAGE = """
CREATE TEMP TABLE staged_people (
    username text, name text, pinyin text, phone text, password text, is_superuser boolean
) ON COMMIT DROP;
CREATE TEMP TABLE staged_departments (
    code text, kind text, name text, name_en text, grid_code text, phone text
) ON COMMIT DROP;
CREATE TEMP TABLE staged_posts (
    username text, grid_code text, department_code text, role text, valid daterange, is_stand_in boolean
) ON COMMIT DROP
"""
_INSERT_PEOPLE = """
INSERT INTO staff_user (username, name, pinyin, phone, password, is_superuser, is_staff, is_active, email, language,
                        text_size, date_joined)
SELECT username, name, pinyin, phone, password, is_superuser, is_superuser, true, '', '', 'standard', %(now)s
FROM staged_people
"""
_INSERT_DEPARTMENTS = """
INSERT INTO staff_department (code, kind, name, name_en, phone, grid_id)
SELECT s.code, s.kind, s.name, s.name_en, s.phone, g.id
FROM staged_departments s LEFT JOIN grids_grid g ON g.code = s.grid_code AND g.valid_to IS NULL
"""
# Somebody or some place unknown leaves a NULL, which the column refuses; an unknown department must not pass as "none".
_INSERT_POSTS = """
INSERT INTO staff_post (user_id, grid_id, department_id, role, valid, is_stand_in)
SELECT u.id, g.id, CASE WHEN s.department_code IS NULL THEN NULL ELSE coalesce(d.id, -1) END,
       s.role, s.valid, s.is_stand_in
FROM staged_posts s
LEFT JOIN staff_user u ON u.username = s.username
LEFT JOIN grids_grid g ON g.code = s.grid_code AND g.valid_to IS NULL
LEFT JOIN staff_department d ON d.code = s.department_code
"""
