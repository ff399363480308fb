"""One open board in a process of its own: `python -m tests.bench.watch` looks as static/app/board.js does.

A hint on `/live/` makes it fetch the captions at once, and beside them the pulse with the counts and the changed rows
of the page it has drawn. Between two requests of a kind it rests exactly as the page does.
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

GLANCE, PULSE = "/board/pulse/captions/", "/board/pulse/"
NUMBER = re.compile(r"\b\d{8}-\d{6,}\b")
ROW = re.compile(r'id="row-\d+" data-id="(\d+)" data-version="(\d+)"')
TOLD = 0.1  # seconds after which it sees that its time is over


@dataclass
class Watching:
    """Whose board is open, for how long."""

    port: int
    cookie: str
    seconds: float


@dataclass(frozen=True)
class Rest:
    """How long the page waits between two requests: board.js, `calmly`."""

    seconds: float
    factor: float

    def after(self, took: float) -> float:
        """Seconds."""
        return max(self.seconds, self.factor * took)


RESTS = {GLANCE: Rest(0.050, 1), PULSE: Rest(0.500, 5)}


@dataclass
class Board:
    """What the page knows."""

    plan: Watching
    known: str = ""
    captions: Mapping[int, int] = field(default_factory=dict)  # id → version of those shown
    captions_of: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)  # number → time of the first answer that brought it
    hints: dict[int, float] = field(default_factory=dict)  # issue id → time of its first hint
    took: dict[str, list[float]] = field(default_factory=lambda: {GLANCE: [], PULSE: []})  # milliseconds each
    bells: dict[str, threading.Event] = field(
        default_factory=lambda: {GLANCE: threading.Event(), PULSE: threading.Event()}
    )

    def open(self) -> None:
        """Draw the page: its rows are what the pulse is asked about."""
        connection = http.client.HTTPConnection(HOST, self.plan.port)
        page = self._get(connection, "/board/").decode()
        self.known = "_".join(f"{id}.{version}" for id, version in ROW.findall(page))

    def look(self, connection: http.client.HTTPConnection, path: str) -> float:
        """Fetch once; returns the seconds it took."""
        began = time.time()
        shown = "_".join(f"{id}.{version}" for id, version in self.captions.items())
        query = f"captions={shown}" if path == GLANCE else f"captions={shown}&known={self.known}&pane="
        captions = json.loads(self._get(connection, f"{path}?{query}"))["captions"]
        now = time.time()
        if began >= self.captions_of:
            self.captions_of = began
            self.captions = {caption["id"]: caption["version"] for caption in captions}
            for caption in captions:
                for number in NUMBER.findall(caption.get("html", "")):
                    self.seen.setdefault(number, now)
        self.took[path].append((now - began) * 1000)
        return now - began

    def keep_looking(self, path: str, end: float) -> None:
        """Look at every hint until the time is over."""
        connection = http.client.HTTPConnection(HOST, self.plan.port)
        while time.time() < end:
            if self.bells[path].wait(TOLD):
                self.bells[path].clear()
                time.sleep(RESTS[path].after(self.look(connection, path)))

    def listen(self) -> None:
        """Ring the bells at every hint, for ever."""
        connection = http.client.HTTPConnection(HOST, self.plan.port)
        connection.request("GET", "/live/", headers={"Cookie": self.plan.cookie})
        stream = connection.getresponse()
        for line in stream:
            if line.startswith(b"data:") and b'"issue"' in line:
                self.hints.setdefault(json.loads(line[5:])["issue"], time.time())
                for bell in self.bells.values():
                    bell.set()

    def _get(self, connection: http.client.HTTPConnection, address: str) -> bytes:
        connection.request("GET", address, headers={"Cookie": self.plan.cookie})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"the board answered {answer.status}")
        return body


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
    """Number → when it was first seen; issue id → when its first hint came; milliseconds of every request."""

    seen: Mapping[str, float]
    hints: Mapping[str, float]
    glances: list[float]
    pulses: list[float]


def finish(child: subprocess.Popen[str], seconds: float) -> Watched:
    """What the board saw."""
    text, _ = child.communicate(timeout=seconds)
    return Watched(**json.loads(text))


def run(plan: Watching) -> Board:
    """Look at every hint until the time is over."""
    end = time.time() + plan.seconds
    board = Board(plan)
    board.open()
    threading.Thread(target=board.listen, daemon=True).start()
    pulses = threading.Thread(target=board.keep_looking, args=(PULSE, end))
    pulses.start()
    board.keep_looking(GLANCE, end)
    pulses.join()
    return board


if __name__ == "__main__":
    ended = run(Watching(**json.loads(sys.stdin.readline())))
    told = {"seen": ended.seen, "hints": ended.hints, "glances": ended.took[GLANCE], "pulses": ended.took[PULSE]}
    sys.stdout.write(json.dumps(told))
