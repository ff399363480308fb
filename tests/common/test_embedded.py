import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from apps.common.embedded import binaries, paths, process
from apps.common.embedded.errors import PlaceUnusable, ServerTrouble
from apps.common.embedded.postgres import Postgres
from apps.common.embedded.servers import Place, wait_for
from apps.common.embedded.valkey import Valkey
from tests import servers
from tests.conftest import PrivateServers
from tests.leftovers import processes_of

HOLD = """
import sys
from apps.common.embedded import lease
from apps.common.embedded.errors import ServerTrouble
try:
    with lease.join(lease.needed()):
        print("up", flush=True)
        sys.stdin.read()
except ServerTrouble as trouble:
    sys.exit(str(trouble))
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands servers to another user")


@pytest.fixture
def var() -> Iterator[Path]:
    """A var directory of its own; whatever still runs in it at the end is killed, and fails the test."""
    home = Path(servers.new_home())
    yield home / "var"
    left = processes_of(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-rf", home], check=True)
    assert not left


def hold(var: Path) -> "subprocess.Popen[bytes]":
    """A process that holds the private servers of `var` until its standard input closes."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
    return subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=paths.project_dir(),
        env={**environment, "GRID_VAR_DIR": str(var)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def is_up(holder: "subprocess.Popen[bytes]") -> bool:
    assert holder.stdout is not None
    return holder.stdout.readline() == b"up\n"


def let_go(holder: "subprocess.Popen[bytes]") -> None:
    holder.communicate()


def all_gone(var: Path, seconds: float = 5) -> bool:
    return wait_for(lambda: not processes_of(var), seconds)


def count_of(var: Path, program: str) -> int:
    return sum(f"/{program} " in command for command in processes_of(var).values())


def ask(place: Place, sql: str) -> object:
    with psycopg2.connect(Postgres(place).url()) as link, link.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None


def place_of(var: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("GRID_VAR_DIR", str(var))
    return Place(home=paths.server_home(), sockets=paths.socket_dir(), user=paths.run_user())


def test_what_was_committed_survives_a_kill(private_servers: Callable[[], PrivateServers]) -> None:
    pair = private_servers()
    ask(pair.postgres.place, "CREATE TABLE kept AS SELECT 42 AS answer")
    pair.postgres.kill()
    pair.postgres.start(lambda _text: None)
    assert ask(pair.postgres.place, "SELECT answer FROM kept") == (42,)


def test_what_is_a_second_old_in_valkey_survives_a_kill(private_servers: Callable[[], PrivateServers]) -> None:
    pair = private_servers()
    client = redis.Redis.from_url(pair.valkey.url())
    client.rpush("queue", *range(1000))
    wait_for(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, 3)
    pair.valkey.kill()
    pair.valkey.start(lambda _text: None)
    assert client.llen("queue") == 1000


def test_the_database_speaks_utf8_in_code_point_order_and_is_durable(
    private_servers: Callable[[], PrivateServers],
) -> None:
    place = private_servers().postgres.place
    assert ask(place, "SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'grid_mgmt'") == ("UTF8",)
    assert ask(place, "SELECT lower('ÄÖ') = 'äö' AND '上海' < '北京'") == (True,)
    for name, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
        assert ask(place, f"SHOW {name}") == (value,)


def test_a_living_server_is_adopted(private_servers: Callable[[], PrivateServers]) -> None:
    pair = private_servers()
    second = Postgres(pair.postgres.place)
    second.start(lambda _text: None)
    assert second.pid == pair.postgres.pid
    second.stop()
    assert wait_for(lambda: not pair.postgres.is_running(), 3)


def test_a_pid_file_that_names_a_foreign_process_does_not_stop_the_start(
    private_servers: Callable[[], PrivateServers],
) -> None:
    pair = private_servers()
    pair.postgres.kill()
    file = pair.postgres.data / "postmaster.pid"
    lines = file.read_text().split("\n")
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    pair.postgres.start(lambda _text: None)
    assert ask(pair.postgres.place, "SELECT 1") == (1,)


def test_data_of_another_version_are_refused_by_name(private_servers: Callable[[], PrivateServers]) -> None:
    pair = private_servers()
    pair.postgres.stop()
    (pair.postgres.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(ServerTrouble, match="made by PostgreSQL 14"):
        pair.postgres.start(lambda _text: None)


def test_servers_end_with_their_only_user(var: Path) -> None:
    holder = hold(var)
    assert is_up(holder)
    assert count_of(var, "postgres") == 1
    let_go(holder)
    assert all_gone(var)


def test_nothing_is_left_when_the_only_user_is_killed(var: Path) -> None:
    holder = hold(var)
    assert is_up(holder)
    holder.kill()
    let_go(holder)
    assert all_gone(var)


def test_two_that_start_at_once_share_one_pair_of_servers_and_the_last_one_ends_them(var: Path) -> None:
    first, second = hold(var), hold(var)
    assert is_up(first)
    assert is_up(second)
    assert (count_of(var, "postgres"), count_of(var, "valkey-server")) == (1, 1)
    first.kill()  # perhaps the one that started them
    let_go(first)
    assert not all_gone(var, 1)
    assert count_of(var, "postgres") == 1
    let_go(second)
    assert all_gone(var)


def test_servers_end_with_a_killed_keeper_and_the_next_start_is_well(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = hold(var)
    assert is_up(holder)
    place = place_of(var, monkeypatch)
    ask(place, "CREATE TABLE kept AS SELECT 1 AS answer")
    for pid in [pid for pid, command in processes_of(var).items() if "embedded.keeper" in command]:
        os.kill(pid, signal.SIGKILL)
    next_holder = hold(var)
    assert is_up(next_holder)
    assert ask(place, "SELECT answer FROM kept") == (1,)
    let_go(holder)
    let_go(next_holder)
    assert all_gone(var)


def test_a_server_that_dies_in_use_is_brought_back(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = hold(var)
    assert is_up(holder)
    place = place_of(var, monkeypatch)
    for server in (Postgres(place), Valkey(place)):
        dead = server.recorded_pid()
        os.kill(dead, signal.SIGKILL)
        assert wait_for(lambda: server.recorded_pid() not in (0, dead) and server.answers(), 10)  # noqa: B023
    let_go(holder)
    assert all_gone(var)


@pytest.mark.parametrize("name", ["deep/" + "d" * 150 + "/var", "网格 Größe 100%/Var"])
def test_any_directory_will_do(var: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = var.parent / name
    holder = hold(home)
    assert is_up(holder)
    place = place_of(home, monkeypatch)
    assert len(os.fsencode(Postgres(place).socket)) <= paths.SOCKET_PATH_LIMIT
    assert ask(place, "SELECT 1") == (1,)
    assert redis.Redis.from_url(paths.redis_url(3)).ping()
    let_go(holder)
    assert all_gone(home)


def test_a_place_that_is_a_file_is_refused_in_one_sentence(var: Path) -> None:
    var.write_text("not a directory")
    said = hold(var).communicate()[1].decode()
    assert "cannot be used" in said
    assert "Traceback" not in said


@needs_root
def test_somebody_elses_directory_is_refused_by_name(var: Path) -> None:
    (var / "servers").mkdir(parents=True)
    os.chown(var / "servers", 12345, 12345)
    (var / "servers" / "postgres").mkdir()
    said = hold(var).communicate()[1].decode()
    assert "belongs to user 12345" in said
    assert "Traceback" not in said


@needs_root
def test_a_full_disk_is_one_sentence(var: Path) -> None:
    var.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", var], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        said = hold(var).communicate()[1].decode()
    finally:
        subprocess.run(["umount", var], check=True)
    assert said.startswith("The disk of ")
    assert "Traceback" not in said


@needs_root
def test_root_hands_the_servers_to_an_ordinary_user(private_servers: Callable[[], PrivateServers]) -> None:
    pair = private_servers()
    for server in (pair.postgres, pair.valkey):
        status = Path(f"/proc/{server.pid}/status").read_text()
        uids, groups = (
            next(line for line in status.splitlines() if line.startswith(key)) for key in ("Uid:", "Groups:")
        )
        assert "0" not in uids.split()[1:]
        assert groups.split() == ["Groups:"]


@needs_root
def test_in_a_place_closed_to_that_user_nothing_is_opened_and_the_servers_live_elsewhere(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = var.parent / "closed"
    closed.mkdir(mode=0o700)
    system = var.parent / "system"
    monkeypatch.setattr(paths, "SYSTEM_HOME", system)
    place = place_of(closed / "var", monkeypatch)
    assert system in place.home.parents
    server = Postgres(place, servers.SMALL)
    server.start(lambda _text: None)
    assert ask(place, "SELECT 1") == (1,)
    server.stop()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert paths.server_home() == place.home


@needs_root
def test_programs_closed_to_that_user_are_copied_with_their_libraries(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "SYSTEM_HOME", var.parent / "system")
    monkeypatch.setattr(paths, "can_enter", lambda _user, _directory: False)
    monkeypatch.delenv("PG_BIN", raising=False)
    monkeypatch.delenv("VALKEY_BIN", raising=False)
    user = paths.run_user()
    initdb = binaries.postgres_bin(user) / "initdb"
    assert var.parent in initdb.parents
    with (var.parent / "said").open("wb") as said:
        assert process.run([initdb, "--version"], user=user, output=said, text="") == 0
        assert process.run([binaries.valkey_program(user), "--version"], user=user, output=said, text="") == 0


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(ServerTrouble, match="PG_BIN"):
        binaries.postgres_bin(paths.run_user())


def test_a_link_in_place_of_the_socket_directory_is_refused(var: Path) -> None:
    var.mkdir()
    (var / "elsewhere").mkdir()
    (var / "run").symlink_to(var / "elsewhere")
    server = Valkey(Place(home=var / "home", sockets=var / "run", user=paths.run_user()))
    with pytest.raises(PlaceUnusable):
        server.start(lambda _text: None)
