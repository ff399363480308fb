"""Installs django-helpdesk, makes its database, and serves it; from our interpreter."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from apps.common.embedded import paths
from apps.common.embedded.process import die_with_parent
from apps.common.embedded.servers import wait_for
from tests.bench import ground
from tests.bench.load import request
from tests.processes import answers, free_port

HELPDESK = "django-helpdesk==2.6.1"
SAME_AS_OURS = ("django", "psycopg2-binary", "uvicorn", "a2wsgi", "djangorestframework")
DATABASE = "peer"
INSTALL_SECONDS = 240
START_SECONDS = 60
QUEUE = [
    {
        "model": "helpdesk.queue",
        "pk": 1,
        "fields": {"title": "City", "slug": "city", "allow_public_submission": True, "new_ticket_cc": ""},
    }
]
CSRF = "b" * 32  # the cookie and the field agree, as a browser's would


class PeerMissing(Exception):
    """The peer cannot be had here; the message says why."""


def install() -> Path:
    """The interpreter of the peer's virtual environment, with the versions of ours where both need a package."""
    place = paths.project_dir() / "var" / "bench" / "helpdesk"
    python = place / "bin" / "python"
    stamp = place / "installed"
    wanted = [HELPDESK, *(f"{name}=={version(name)}" for name in SAME_AS_OURS), *_event_loop()]
    if stamp.exists() and stamp.read_text() == repr(wanted):
        return python
    place.parent.mkdir(parents=True, exist_ok=True)
    for command in ([sys.executable, "-m", "venv", str(place)], [str(python), "-m", "pip", "install", "-q", *wanted]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise PeerMissing(f"{HELPDESK} cannot be installed (is a package index within reach?): {words[0][:160]}")
    stamp.write_text(repr(wanted))
    return python


def _event_loop() -> list[str]:
    """What makes uvicorn faster, where we have it ourselves."""
    found = []
    for name in ("httptools", "uvloop"):
        try:
            found.append(f"{name}=={version(name)}")
        except ImportError:
            continue
    return found


@contextmanager
def helpdesk(workers: int = 2) -> Iterator[int]:
    """The peer with one public queue on a database of this run's server; yields its port. Raises PeerMissing."""
    python = install()
    environment = _environment()
    ground.make_database(DATABASE)
    fixture = ground.home() / "queue.json"
    fixture.write_text(json.dumps(QUEUE))
    for command in (["migrate", "--verbosity=0"], ["loaddata", "--verbosity=0", str(fixture)]):
        subprocess.run(
            [str(python), "-m", "django", *command], cwd=paths.project_dir(), env=environment, check=True, timeout=120
        )
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers), "--no-access-log"]
    with (ground.home() / "peer.log").open("ab") as output:
        child = subprocess.Popen(
            [str(python), "-m", "uvicorn", "tests.bench.peer.asgi:application", *options],
            cwd=paths.project_dir(),
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    try:
        if not wait_for(lambda: answers(f"http://127.0.0.1:{port}/tickets/submit/"), START_SECONDS):
            raise PeerMissing("django-helpdesk did not start")
        yield port
    finally:
        child.terminate()
        child.wait(20)


def ticket_request() -> str:
    """One filled-in public form: the least that a citizen gives, and a text as long as ours."""
    form = {
        "csrfmiddlewaretoken": CSRF,
        "queue": "1",
        "title": "建筑垃圾 @NUMBER@",
        "body": "路边有建筑垃圾未清运，影响通行，请尽快处理。",
        "priority": "3",
        "submitter_email": "citizen@example.org",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={CSRF}"}
    body = urlencode(form).replace("%40NUMBER%40", "@NUMBER@")
    return request("POST", "/tickets/submit/", headers, body)


def _environment() -> dict[str, str]:
    parts = urlsplit(os.environ["DATABASE_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "DJANGO_SETTINGS_MODULE": "tests.bench.peer.settings",
        "PYTHONPATH": str(paths.project_dir()),
        "PEER_HOST": host,
        "PEER_DATABASE": DATABASE,
        "PEER_USER": parts.username or "",
    }
