"""One open board in a process of its own: `python -m tests.bench.watch` looks as static/app/board.js does.

A hint on `/live/` makes it look: it fetches the pulse, which carries the captions as the page would show them. It calms
down between two looks exactly as the page does (150 ms, or three times what the last look took).
"""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from apps.common.embedded import paths
from tests.bench.load import HOST

CALM_SECONDS = 0.150
CALM_FACTOR = 3
NUMBER = re.compile(r"\b\d{8}-\d{6,}\b")


@dataclass
class Watching:
    """Whose board is open, for how long."""

    port: int
    cookie: str
    seconds: float


@dataclass
class Board:
    """What the page knows."""

    plan: Watching
    seen: dict[str, float] = field(default_factory=dict)  # number → time of the first look that brought it
    hints: dict[int, float] = field(default_factory=dict)  # issue id → time of its first hint
    looks: list[float] = field(default_factory=list)  # milliseconds each
    hint: threading.Event = field(default_factory=threading.Event)

    def look(self, connection: http.client.HTTPConnection) -> float:
        """Fetch the pulse once; returns the seconds it took."""
        began = time.time()
        connection.request("GET", "/board/pulse/?known=", headers={"Cookie": self.plan.cookie})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"the board answered {answer.status}")
        now = time.time()
        for caption in json.loads(body)["captions"]:
            for number in NUMBER.findall(caption["html"]):
                self.seen.setdefault(number, now)
        self.looks.append((now - began) * 1000)
        return now - began

    def listen(self) -> None:
        """Set the bell at every hint, for ever."""
        connection = http.client.HTTPConnection(HOST, self.plan.port)
        connection.request("GET", "/live/", headers={"Cookie": self.plan.cookie})
        stream = connection.getresponse()
        for line in stream:
            if line.startswith(b"data:") and b'"issue"' in line:
                self.hints.setdefault(json.loads(line[5:])["issue"], time.time())
                self.hint.set()


def start(plan: Watching) -> subprocess.Popen[str]:
    """Open the board."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.watch"],
        cwd=paths.project_dir(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(asdict(plan)) + "\n")
    child.stdin.flush()
    return child


@dataclass(frozen=True)
class Watched:
    """Number → when it was first seen; issue id → when its first hint came; milliseconds of every look."""

    seen: Mapping[str, float]
    hints: Mapping[str, float]
    looks: list[float]


def finish(child: subprocess.Popen[str], seconds: float) -> Watched:
    """What the board saw."""
    text, _ = child.communicate(timeout=seconds)
    return Watched(**json.loads(text))


def run(plan: Watching) -> Board:
    """Look at every hint until the time is over."""
    board = Board(plan)
    threading.Thread(target=board.listen, daemon=True).start()
    connection = http.client.HTTPConnection(HOST, plan.port)
    end = time.time() + plan.seconds
    while time.time() < end:
        if board.hint.wait(0.1):
            board.hint.clear()
            took = board.look(connection)
            time.sleep(max(CALM_SECONDS, CALM_FACTOR * took))
    return board


if __name__ == "__main__":
    ended = run(Watching(**json.loads(sys.stdin.readline())))
    sys.stdout.write(json.dumps({"seen": ended.seen, "hints": ended.hints, "looks": ended.looks}))
