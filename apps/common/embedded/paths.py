"""Where the private servers live, and how to reach them. Pure: needs neither Django nor a running server.

Shapes: directories are `Path`, addresses are URL text. Everything hangs on the *var directory*: `GRID_VAR_DIR`, else
`var/` beside manage.py. Data, sockets and logs are in the *server home* below it, except when root runs a checkout that
the ordinary user, to whom PostgreSQL is handed, cannot enter (a clone inside /root): then the home is under
/var/lib/grid_mgmt. No permission of any directory above ours is ever changed.
"""

import hashlib
import os
import pwd
import secrets
import stat
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import quote

DATABASE_NAME = "grid_mgmt"
DATABASE_USER = "grid_mgmt"
POSTGRES_PORT = 5432  # only names the socket file: nothing listens on TCP
SOCKET_PATH_LIMIT = 107  # bytes of sockaddr_un.sun_path, without its closing NUL
SYSTEM_HOME = Path("/var/lib/grid_mgmt")

_PROJECT = Path(__file__).resolve().parents[3]


def project_dir() -> Path:
    """The directory of manage.py."""
    return _PROJECT


def var_dir() -> Path:
    """Everything this installation writes: `GRID_VAR_DIR`, else `var/` in the project."""
    configured = os.environ.get("GRID_VAR_DIR")
    return Path(configured).expanduser().absolute() if configured else _PROJECT / "var"


def server_home() -> Path:
    """Directory of the private servers' data, sockets, locks and logs. Data that exists decides; then reachability."""
    return _home_of(var_dir())


def socket_dir() -> Path:
    """Short runtime directory for the sockets: in the server home when the path fits, else in the temp directory."""
    home = server_home()
    run = home / "run"
    if len(os.fsencode(run / _socket_name())) <= SOCKET_PATH_LIMIT:
        return run
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return short_temp() / f"grid_mgmt-{digest}"


def postgres_socket() -> Path:
    """The socket file that PostgreSQL listens on."""
    return socket_dir() / _socket_name()


def valkey_socket() -> Path:
    """The socket file that Valkey listens on."""
    return socket_dir() / "valkey.sock"


def database_url() -> str:
    """URL of the private database, as django-environ and libpq read it."""
    return postgres_url(socket_dir())


def postgres_url(directory: Path, name: str = DATABASE_NAME) -> str:
    """URL of a database behind the socket in `directory`.

    The host is a parameter, because URL parsers lower-case a host name and directories have capitals.
    """
    return f"postgres://{DATABASE_USER}@/{name}?host={quote(str(directory))}"


def with_database(url: str, name: str) -> str:
    """The same server's database `name`: `postgres://me@host/one?x=1` → `postgres://me@host/name?x=1`."""
    head, question, options = url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{question}{options}"


def redis_url(number: int = 0) -> str:
    """URL of the private Valkey, as redis-py reads it."""
    return valkey_url(valkey_socket(), number)


def valkey_url(socket: Path, number: int = 0) -> str:
    """URL of database `number` of the Valkey behind `socket`."""
    return f"unix://{quote(str(socket))}?db={number}"


def celery_broker_url(url: str) -> str:
    """The same server as Celery's transport wants it: `unix:///path?db=1` → `redis+socket:///path?virtual_host=1`."""
    if not url.startswith("unix://"):
        return url
    path, _, query = url.removeprefix("unix://").partition("?")
    options = [
        "virtual_host=" + part.removeprefix("db=") if part.startswith("db=") else part
        for part in query.split("&")
        if part
    ]
    return f"redis+socket://{path}" + ("?" + "&".join(options) if options else "")


def run_user() -> pwd.struct_passwd:
    """Who runs the servers: we ourselves, or, for root, the ordinary user to whom they are handed.

    Root hands them to the owner of existing data, else to the owner of the checkout, else to `postgres` or `nobody`:
    PostgreSQL refuses to run as root.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    return _owner_for_root(var_dir())


def can_enter(user: pwd.struct_passwd, directory: Path) -> bool:
    """Whether `user` may walk down into `directory`, judged by the mode bits of what exists of it."""
    groups = set(os.getgrouplist(user.pw_name, user.pw_gid)) if os.geteuid() != 0 else {user.pw_gid}
    return all(_may_search(user, groups, place) for place in (directory, *directory.parents) if place.exists())


def _may_search(user: pwd.struct_passwd, groups: set[int], place: Path) -> bool:
    info = place.stat()
    if user.pw_uid in (0, info.st_uid):
        return user.pw_uid == 0 or bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid in groups:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


@cache
def _home_of(var: Path) -> Path:
    inside = var / "servers"
    if os.geteuid() != 0 or (inside / "postgres" / "PG_VERSION").exists():
        return inside
    if not (var / "instance").exists() and can_enter(_owner_for_root(var), _existing(var)):
        return inside
    return SYSTEM_HOME / _instance(var)


def _existing(place: Path) -> Path:
    while not place.exists():
        place = place.parent
    return place


def _instance(var: Path) -> str:
    """A name for this installation that a later clone into the same place does not inherit."""
    marker = var / "instance"
    var.mkdir(parents=True, exist_ok=True)
    try:
        with marker.open("x") as handle:
            handle.write(secrets.token_hex(6))
    except FileExistsError:
        pass
    return marker.read_text().strip()


@cache
def _owner_for_root(var: Path) -> pwd.struct_passwd:
    data = var / "servers" / "postgres"
    for place in (data, _existing(var)):
        if place.exists() and (owner := place.stat().st_uid) != 0:
            return pwd.getpwuid(owner)
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError("No ordinary user to run PostgreSQL as: neither postgres nor nobody exists on this machine.")


def short_temp() -> Path:
    """The same for every process of the machine, whatever its TMPDIR, so that all of them find the socket."""
    fixed = Path("/tmp")  # noqa: S108 - the directory made in it is 0700 and its owner is checked
    return fixed if os.access(fixed, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _socket_name() -> str:
    return f".s.PGSQL.{POSTGRES_PORT}"
