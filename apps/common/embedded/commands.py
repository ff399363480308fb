"""Which management commands need the private servers."""

from collections.abc import Sequence

from apps.common.embedded import lease

# Their work is done without a database. `serve` and `await_servers` see to the servers by themselves.
WITHOUT_SERVERS = frozenset(
    {
        "help",
        "version",
        "check",
        "collectstatic",
        "compilemessages",
        "diffsettings",
        "findstatic",
        "makemessages",
        "sendtestemail",
        "serve",
        "spectacular",
        "startapp",
        "startproject",
    }
)
HELP = {"-h", "--help", "--version"}


def servers_for(arguments: Sequence[str]) -> list[str]:
    """Names of the private servers to hold while manage.py runs with `arguments` (program name left out)."""
    if not arguments or arguments[0].startswith("-") or HELP & set(arguments):
        return []
    if arguments[0] in WITHOUT_SERVERS and "--database" not in arguments:
        return []
    return lease.needed()
