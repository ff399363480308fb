#!/usr/bin/env python3
"""The door: every command joins the private servers, or starts them for its own duration."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where an old interpreter is told so
    sys.exit(f"grid_mgmt needs Python 3.11 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]}.")

try:
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError
except ImportError:
    sys.exit("Django is not installed for this Python: use .venv/bin/python manage.py, or run `make run` once.")

from apps.common.database import troubles
from apps.common.embedded import lease, paths, places
from apps.common.embedded.commands import servers_for
from apps.common.embedded.errors import ServerTrouble


def run() -> None:
    """Run the command; what is wrong with the database itself is one sentence."""
    try:
        execute_from_command_line(sys.argv)
    except DatabaseError as error:
        words = troubles.sentence_of(error)
        if words is None:
            raise
        sys.exit(words)


def main() -> None:
    """Run the command while holding the servers it needs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grid_mgmt.settings")
    names = servers_for(sys.argv[1:])
    try:
        if names or not os.environ.get("SECRET_KEY"):
            places.check_var(paths.var_dir())
        with lease.join(names):
            run()
    except ServerTrouble as trouble:
        sys.exit(str(trouble))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
