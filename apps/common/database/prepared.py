"""Statements that a connection plans once, for the few that are sent hundreds of times a second."""

import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from apps.common.database.base import DatabaseWrapper

PARAMETER: Final = re.compile(r"%\((\w+)\)s")


class Prepared:
    """A statement with %(name)s parameters, sent as PREPARE once and then as EXECUTE.

    A parameter that stands alone in a SELECT list needs a cast, for PostgreSQL must guess its type. A pooler that lends
    connections by the transaction does not know these names: with PREPARED_STATEMENTS off it is sent whole each time.
    """

    def __init__(self, name: str, sql: str) -> None:
        names = list(dict.fromkeys(PARAMETER.findall(sql)))
        numbered = PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
        self.name = name
        self.sql = sql
        self._prepare = f"PREPARE {name} AS {numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%({one})s' for one in names)})"

    def execute(self, cursor: CursorWrapper, values: Mapping[str, Any]) -> None:
        """Run it with these values; the rows are the cursor's."""
        if not settings.PREPARED_STATEMENTS:
            cursor.execute(self.sql, values)
            return
        assert isinstance(cursor.db, DatabaseWrapper)
        if self.name not in cursor.db.prepared:
            cursor.execute(self._prepare)
            cursor.db.prepared.add(self.name)
        cursor.execute(self._execute, values)
