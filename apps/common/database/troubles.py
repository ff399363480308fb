"""What the person at the terminal is told when the database cannot be used, in place of a traceback."""

from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _


def sentence_of(error: DatabaseError) -> str | None:
    """One sentence that says what to do; None where only a traceback helps.

    Known are a server that does not answer, and a database that lacks migrations. What else a statement runs into is
    a fault of the program or of its data: hiding where it happened would help nobody.
    """
    if isinstance(error, OperationalError) and connection.connection is None:  # it never came to a connection
        reason = str(error).strip().splitlines()[0]
        return _("The database cannot be reached (%(reason)s). Look at DATABASE_URL and at the server.") % {
            "reason": reason
        }
    if isinstance(error, ProgrammingError) and _lacks_migrations():
        return _("The database lacks tables or columns of this version: run `manage.py migrate` first.")
    return None


def _lacks_migrations() -> bool:
    try:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError:  # broken inside a transaction, or worse: the first error tells more
        return False
