"""Using the private servers: join them or have them started, hold them, let go.

    with lease.join(lease.needed()):
        ...

Which servers are needed is read from the environment: DATABASE_URL and REDIS_URL, each by itself, name servers of the
operator's own, and then nothing is started for them.
"""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from apps.common.embedded import paths, places
from apps.common.embedded.errors import ServerDidNotStart, ServerTrouble
from apps.common.embedded.keeper import daily_place, lock_file, open_lock, server_named, try_alone
from apps.common.embedded.servers import START_SECONDS, Place, Progress, wait_for

_VARIABLES = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}


def needed() -> list[str]:
    """Names of the private servers this process needs: those for which the environment names no other."""
    return [name for name, variable in _VARIABLES.items() if not os.environ.get(variable)]


@contextmanager
def join(names: Iterable[str], progress: Progress = lambda _text: None) -> Iterator[None]:
    """Hold the named servers for the length of the block. Raises ServerTrouble with a sentence for the person."""
    with ExitStack() as held:
        for name in names:
            held.enter_context(_hold(name, progress))
        yield


def wait_until_gone(names: Iterable[str], seconds: float) -> bool:
    """Wait for the named servers to end, if nobody else uses them; return False when somebody does or time is up."""
    place = daily_place()
    return wait_for(lambda: all(not _kept(place, name) for name in names), seconds)


@contextmanager
def _hold(name: str, progress: Progress) -> Iterator[None]:
    place = _place()
    try:
        users = open_lock(place, name, "users")
    except OSError as error:
        raise places.unusable(place.home, error) from error
    try:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper is ending the server
        _ensure_kept(place, name, progress)
        yield
    finally:
        os.close(users)


def _place() -> Place:
    try:
        return daily_place()
    except LookupError as error:
        raise ServerTrouble(str(error)) from error
    except OSError as error:
        raise places.unusable(paths.var_dir(), error) from error


def _ensure_kept(place: Place, name: str, progress: Progress) -> None:
    starting = open_lock(place, name, "starting")
    try:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not _kept(place, name):
            _start_keeper(name, progress)
            return
        server = server_named(name, place)
        if not wait_for(server.answers, START_SECONDS):
            raise ServerDidNotStart(f"{server.title} runs but does not answer: see {server.log}.")
    finally:
        os.close(starting)


def _kept(place: Place, name: str) -> bool:
    """Whether a keeper lives, judged by the lock it holds."""
    if not lock_file(place, name, "keeper").exists():
        return False
    descriptor = open_lock(place, name, "keeper")
    try:
        return not try_alone(descriptor)
    finally:
        os.close(descriptor)


def _start_keeper(name: str, progress: Progress) -> None:
    keeper = subprocess.Popen(
        [sys.executable, "-m", "apps.common.embedded.keeper", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=paths.project_dir(),
        start_new_session=True,
    )
    assert keeper.stdout is not None
    last = ""
    with keeper.stdout as voice:
        for line in voice:
            last = line.decode(errors="replace").strip()
            if last.startswith("progress "):
                progress(last.removeprefix("progress "))
    if last != "ready":
        raise ServerTrouble(last.removeprefix("trouble ") or "The keeper of the private servers ended without a word.")
