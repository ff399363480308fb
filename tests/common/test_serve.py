"""`manage.py serve` and the servers around other commands, as real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from apps.common.embedded import paths, places
from apps.common.embedded.commands import servers_for
from apps.common.embedded.errors import PlaceUnusable
from apps.common.embedded.servers import wait_for
from apps.common.serving.address import address_of, allowed_hosts, check_port
from apps.common.serving.signals import AskedToEnd, end_if_asked, signals_raise
from apps.common.serving.supervisor import Supervisor
from apps.common.serving.terms import CannotServe, Options
from tests import servers
from tests.leftovers import processes_of
from tests.processes import answers, free_port

pytestmark = pytest.mark.fault

MANAGE = [sys.executable, "manage.py"]
END_SECONDS = 5  # the promise


@pytest.fixture
def var() -> Iterator[Path]:
    """A var directory of its own; nothing may run in it at the end."""
    home = Path(servers.new_home())
    yield home / "var"
    left = processes_of(home)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-rf", home], check=True)
    assert not left


def environment(var: Path, **more: str) -> dict[str, str]:
    """The environment of a newcomer: no servers of their own, the product's settings."""
    ours = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PORT", "HOST")
    return {key: value for key, value in os.environ.items() if key not in ours} | {"GRID_VAR_DIR": str(var)} | more


class City:
    """One `manage.py serve`, without the demo city."""

    def __init__(self, var: Path, under: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = var.parent / "serve.out"
        command = [*under, *MANAGE, "serve", "--no-demo", "--workers", "1", "--port", str(self.port)]
        began = time.monotonic()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=paths.project_dir(),
                env=environment(var),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_for(lambda: answers(f"{self.url}/healthz") or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.output.read_text()
        self.seconds = time.monotonic() - began

    def ends(self, how: signal.Signals, var: Path) -> bool:
        """Send a signal; return whether everything was gone in time."""
        self.process.send_signal(how)
        gone = wait_for(lambda: self.process.poll() is not None and not processes_of(var.parent), END_SECONDS)
        self.process.wait()
        return gone


def manage(var: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*MANAGE, *arguments],
        cwd=paths.project_dir(),
        env=environment(var, **more),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def sql(var: Path, statement: str) -> str:
    """Run SQL through a command of its own, as an operator would."""
    script = f"from django.db import connection as c; k = c.cursor(); k.execute({statement!r}); print(k.statusmessage)"
    ran = manage(var, "shell", "--no-imports", "-c", script)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_city_ends_in_time_and_is_found_again_after_every_kind_of_end(var: Path) -> None:
    first = City(var)
    assert wait_for(lambda: "Stop: Ctrl-C" in first.output.read_text(), 20)
    sql(var, "CREATE TABLE kept AS SELECT 1 AS answer")
    assert answers(f"{first.url}/healthz"), "a command that joined must not stop the servers"
    assert first.ends(signal.SIGINT, var), processes_of(var.parent)
    assert first.process.returncode == 0

    second = City(var)
    assert second.ends(signal.SIGKILL, var), processes_of(var.parent)

    third = City(var)
    assert "SELECT 1" in sql(var, "SELECT answer FROM kept")
    assert third.ends(signal.SIGTERM, var), processes_of(var.parent)
    assert max(second.seconds, third.seconds) < 20  # idle: 3 to 4


def test_a_worker_that_dies_is_started_again_and_the_sweep_is_watched(var: Path) -> None:
    city = City(var)
    assert wait_for(lambda: bool(workers_of(var)), 20)
    for pid, _command in workers_of(var):
        os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: "worker process died" in city.output.read_text(), 5)
    assert wait_for(lambda: bool(workers_of(var)), 10)
    checks = readiness(city.url)["checks"]
    assert (checks["database"]["ok"], checks["broker"]["ok"]) == (True, True)
    assert city.ends(signal.SIGTERM, var), processes_of(var.parent)


def workers_of(var: Path) -> list[tuple[int, str]]:
    return [(pid, command) for pid, command in processes_of(var.parent).items() if "grid_mgmt worker" in command]


def readiness(url: str) -> Any:
    try:
        with urllib.request.urlopen(f"{url}/readyz") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        return json.load(refusal)


UNDER_MAKE = "import os, subprocess, sys; subprocess.run([*sys.argv[1:], '--end-with-parent', str(os.getpid())])"


class Careless:
    """Something whose destructor takes a while, like those that the collector calls while services start."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_whose_exception_python_swallows_still_ends_the_watch() -> None:
    supervisor = Supervisor(Options(host="127.0.0.1", port=1), lambda _text: None)
    with signals_raise():
        end_if_asked()  # nobody has asked yet
        Careless()  # the exception is lost here
        with pytest.raises(AskedToEnd):
            supervisor.watch()


def test_the_watch_ends_when_whoever_started_it_is_gone() -> None:
    supervisor = Supervisor(Options(host="127.0.0.1", port=1, parent=2**22 + 1), lambda _text: None)
    supervisor.watch()


def test_who_lost_its_parent_before_it_could_ask_starts_nothing(var: Path) -> None:
    began = manage(var, "serve", "--no-demo", "--end-with-parent", str(2**22 + 1))
    assert (began.returncode, began.stdout, processes_of(var.parent)) == (0, "", {})


def test_a_city_under_make_ends_when_make_is_killed(var: Path) -> None:
    city = City(var, under=[sys.executable, "-c", UNDER_MAKE])
    assert city.ends(signal.SIGKILL, var), processes_of(var.parent)


def test_a_taken_port_is_said_before_anything_is_started(var: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = manage(var, "serve", PORT=str(port))
    assert ran.returncode != 0
    assert f"Port {port} on 127.0.0.1 cannot be used" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (var / "servers").exists()


def test_a_database_that_does_not_answer_is_one_sentence(var: Path) -> None:
    away = {"DATABASE_URL": "postgres://me@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    ran = manage(var, "serve", PORT=str(free_port()), **away)
    assert ran.returncode != 0
    assert "The database does not answer" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_database_without_tables_is_one_sentence_at_every_command(var: Path) -> None:
    for command in (["check_tree"], ["load_catalogue"], ["purge_notices"], ["sweep"]):
        ran = manage(var, *command)
        assert ran.returncode == 1
        assert "manage.py migrate" in ran.stderr
        assert "Traceback" not in ran.stderr
    assert manage(var, "migrate", "-v", "0").returncode == 0
    assert "manage.py migrate" not in manage(var, "check_tree").stderr


def test_a_wrong_statement_keeps_its_traceback(var: Path) -> None:
    assert manage(var, "migrate", "-v", "0").returncode == 0
    script = "from django.db import connection; connection.cursor().execute('SELECT missing')"
    ran = manage(var, "shell", "--no-imports", "-c", script)
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr
    assert "manage.py migrate" not in ran.stderr


def test_a_command_whose_database_is_away_says_where_to_look(var: Path) -> None:
    ran = manage(var, "check_tree", DATABASE_URL="postgres://me@127.0.0.1:1/nothing", REDIS_URL="redis://127.0.0.1:1/0")
    assert ran.returncode == 1
    assert "DATABASE_URL" in ran.stderr
    assert "127.0.0.1" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_var_directory_that_is_a_file_is_one_sentence(var: Path) -> None:
    var.write_text("in the way")
    for command in ("serve", "migrate", "version"):
        ran = manage(var, command)
        assert ran.returncode != 0
        assert "cannot be used" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_var_directory_of_an_earlier_start_as_somebody_else_is_one_sentence(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places.check_var(var)
    monkeypatch.setattr(os, "access", lambda _place, _mode: False)
    with pytest.raises(PlaceUnusable, match="earlier start as that user"):
        places.check_var(var)


@pytest.mark.parametrize("port", ["eighty", "0", "65536", "-1", "٨٠٠٠"])
def test_a_port_that_is_none_is_refused(var: Path, port: str) -> None:
    ran = manage(var, "serve", PORT=port)
    assert ran.returncode != 0
    assert "is not a port" in ran.stderr


def test_a_host_that_is_not_ours_is_refused() -> None:
    with pytest.raises(CannotServe, match=r"192\.0\.2\.1"):
        check_port("192.0.2.1", free_port())


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80/"), ("0.0.0.0", "http://127.0.0.1:80/"), ("::1", "http://[::1]:80/")],
)
def test_the_printed_address_can_be_opened(host: str, url: str) -> None:
    assert address_of(Options(host=host, port=80)) == url


def test_a_command_starts_servers_for_its_own_duration(var: Path) -> None:
    sql(var, "CREATE TABLE kept AS SELECT 1 AS answer")
    assert wait_for(lambda: not processes_of(var.parent), END_SECONDS)
    assert "SELECT 1" in sql(var, "SELECT answer FROM kept")
    assert wait_for(lambda: not processes_of(var.parent), END_SECONDS)


@pytest.mark.parametrize("arguments", [["version"], ["--help"], ["migrate", "--help"], ["check"], ["help", "serve"]])
def test_a_command_that_needs_no_server_starts_none(var: Path, arguments: list[str]) -> None:
    assert manage(var, *arguments).returncode == 0
    assert not (var / "servers").exists()


def test_each_server_is_started_only_where_the_environment_names_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert servers_for(["migrate"]) == ["valkey"]
    assert servers_for(["check"]) == []
    assert servers_for([]) == []
    monkeypatch.delenv("DATABASE_URL")
    assert servers_for(["check", "--database", "default"]) == ["postgres", "valkey"]


def test_a_site_open_to_the_network_knows_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    assert allowed_hosts("127.0.0.1") == "localhost,127.0.0.1,[::1]"
    assert socket.gethostname() in allowed_hosts("0.0.0.0").split(",")
    monkeypatch.setenv("ALLOWED_HOSTS", "city.example")
    assert allowed_hosts("0.0.0.0") == "city.example"
