"""Many boards in one process of their own: `python -m tests.bench.listen` opens streams and notes what arrives when."""

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from apps.common.embedded import paths
from tests.bench.load import HOST

CONNECT_SECONDS = 60.0


@dataclass
class Listening:
    """Whose boards listen where, for how long; each hint's `issue` names it."""

    port: int
    cookies: list[str]
    seconds: float


@dataclass
class Board:
    """One open stream and what has not yet been read of it."""

    connection: socket.socket
    rest: bytes = b""


def start(plan: Listening) -> subprocess.Popen[str]:
    """Start the listeners and wait until all of them are connected."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.listen"],
        cwd=paths.project_dir(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(asdict(plan)) + "\n")
    child.stdin.flush()
    said = child.stdout.readline().strip()
    if said != "connected":
        child.kill()
        raise RuntimeError(f"the listeners did not connect: {said}")
    return child


def finish(child: subprocess.Popen[str], seconds: float) -> list[tuple[int, float]]:
    """(issue, time of arrival) of everything that was heard by anybody."""
    text, _ = child.communicate(timeout=seconds)
    heard: list[tuple[int, float]] = [(issue, at) for issue, at in json.loads(text)]
    return heard


def run(plan: Listening) -> None:
    """Connect, say so, listen, tell."""
    selector = selectors.DefaultSelector()
    for cookie in plan.cookies:
        board = Board(_opened(plan.port, cookie))
        selector.register(board.connection, selectors.EVENT_READ, board)
    _say("connected")
    heard: list[tuple[int, float]] = []
    end = time.time() + plan.seconds
    while time.time() < end:
        for key, _mask in selector.select(0.2):
            heard += _read(key.data)
    _say(json.dumps(heard))


def _opened(port: int, cookie: str) -> socket.socket:
    connection = socket.create_connection((HOST, port), timeout=CONNECT_SECONDS)
    connection.sendall(f"GET /live/ HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n".encode())
    answer = b""
    while b"retry:" not in answer:
        piece = connection.recv(4096)
        if not piece or (len(answer) > 12 and b" 200 " not in answer[:16]):
            raise ConnectionError(f"no stream: {answer[:200]!r}")
        answer += piece
    connection.setblocking(False)
    return connection


def _read(board: Board) -> list[tuple[int, float]]:
    text = board.rest + board.connection.recv(65_536)
    now = time.time()
    *whole, board.rest = text.split(b"\n")
    return [(json.loads(line[5:])["issue"], now) for line in whole if line.startswith(b"data:") and b'"issue"' in line]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run(Listening(**json.loads(sys.stdin.readline())))
