"""The digest of a simulation: one hash over every history, the same wherever and however often it was run.

Ids and numbers depend on which process was faster, so names stand for them: reports go by the key they were filed
under, parts by their place in the whole (and parts of parts by theirs), cells and departments by their codes, people by
their staff numbers.
"""

from typing import Final

from django.db import connection

from apps.grids.models import Grid
from apps.issues.models import Issue, IssueEvent
from apps.staff.models import Department, User

ISSUE, EVENT, GRID, DEPARTMENT, USER = (m._meta.db_table for m in (Issue, IssueEvent, Grid, Department, User))
DIGEST: Final = f"""
    WITH RECURSIVE named (id, name) AS (
        SELECT id, client_key::text FROM {ISSUE} WHERE parent_id IS NULL
        UNION ALL
        SELECT part.id, named.name || '/' || (
            SELECT count(*) FROM {ISSUE} AS other WHERE other.parent_id = part.parent_id AND other.id < part.id
        ) FROM named JOIN {ISSUE} AS part ON part.parent_id = named.id
    ), history AS (
        SELECT named.name, sha256(convert_to(string_agg(concat_ws('|', event.seq, event.kind,
            extract(epoch FROM event.at), person.username, event.state, cell.code, department.code,
            extract(epoch FROM event.due_at), event.rung, event.payload - '{{into,number,numbers}}'::text[]),
            E'\\n' ORDER BY event.seq), 'UTF8')) AS hash
        FROM {EVENT} AS event JOIN named ON named.id = event.issue_id
        JOIN {GRID} AS cell ON cell.id = event.holder_grid_id
        LEFT JOIN {DEPARTMENT} AS department ON department.id = event.holder_department_id
        LEFT JOIN {USER} AS person ON person.id = event.actor_id
        GROUP BY named.name
    )
    SELECT encode(sha256(string_agg(convert_to(name, 'UTF8') || hash, ''::bytea ORDER BY name)), 'hex') FROM history
"""


def histories_digest() -> str:
    """The digest of all histories of the present database, as 64 hexadecimal digits; "" where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(DIGEST)
        [digest] = cursor.fetchone() or ("",)
    return str(digest or "")
