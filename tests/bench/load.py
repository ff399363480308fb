"""The load generator: `python -m tests.bench.load` reads a plan as JSON and sends requests, on loopback only.

A process of its own, because it must not share an interpreter with what it measures; bare sockets and one selector,
because it runs on the same cores. Every connection is kept alive and has one request under way at a time.
"""

import json
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from apps.common.embedded import paths
from tests.bench.stats import percentile

NUMBER = "@NUMBER@"  # in a request: replaced by a eight-digit number that no other request has
DIGITS = len(NUMBER)
HOST = "127.0.0.1"
SAMPLES = 3


@dataclass
class Plan:
    """What to send where. `requests[c]` are the whole HTTP requests that client `c` repeats; `rate` is per second."""

    port: int
    requests: list[list[str]]
    seconds: float
    expect: int
    first_number: int = 1
    rate: float | None = None
    keep_answers: bool = False


@dataclass
class Outcome:
    """What came back. Latencies in milliseconds; `answers`: (sent at, answered at, body), times of time.time()."""

    done: int = 0
    wrong: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    wrong_samples: list[str] = field(default_factory=list)
    answers: list[tuple[float, float, str]] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Right answers a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def latency(self, share: float) -> float:
        """A percentile of the latency, in milliseconds."""
        return percentile(self.latencies, share)


@dataclass
class Client:
    """One kept-alive connection and the requests it sends in turn."""

    requests: list[bytes]
    connection: socket.socket
    sent: int = 0
    sent_at: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, number: int, now: float) -> None:
        """Send the next request; a request is small, so the kernel takes it whole."""
        request = self.requests[self.sent % len(self.requests)]
        self.connection.sendall(request.replace(NUMBER.encode(), f"{number:0{DIGITS}d}".encode()))
        self.sent += 1
        self.sent_at = now


def request(method: str, path: str, headers: dict[str, str], body: str = "") -> str:
    """A whole HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body])


def start(plan: Plan) -> subprocess.Popen[str]:
    """Start the generator; `finish` waits for what it found."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.load"],
        cwd=paths.project_dir(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdin is not None
    child.stdin.write(json.dumps(asdict(plan)) + "\n")
    child.stdin.flush()
    return child


def finish(child: subprocess.Popen[str], seconds: float) -> Outcome:
    """The outcome of a generator that has `seconds` left. Raises RuntimeError when nothing was answered rightly."""
    try:
        text, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    outcome = Outcome(**json.loads(text))
    if not outcome.done:
        raise RuntimeError(f"no request succeeded; e.g. {outcome.wrong_samples[:1]}")
    return outcome


def send(plan: Plan) -> Outcome:
    """Run a plan to its end."""
    return finish(start(plan), plan.seconds + 60)


def run(plan: Plan) -> Outcome:
    """Send and receive until the time is over; answers still under way then are awaited but not counted."""
    clients = [_connected(plan.port, requests) for requests in plan.requests]
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.connection, selectors.EVENT_READ, client)
    try:
        return _exchange(plan, clients, selector)
    finally:
        for client in clients:
            client.connection.close()
        selector.close()


def _exchange(plan: Plan, clients: Sequence[Client], selector: selectors.BaseSelector) -> Outcome:
    outcome, number = Outcome(), plan.first_number
    began = time.time()
    idle = list(clients)
    while (now := time.time()) < began + plan.seconds:
        due = len(idle) if plan.rate is None else int((now - began) * plan.rate) - (number - plan.first_number)
        for _ in range(min(due, len(idle))):
            idle.pop(0).send(number, now)
            number += 1
        wait = 0.001 if plan.rate is not None else 1.0
        for key, _mask in selector.select(wait):
            client: Client = key.data
            if _receive(client, plan, outcome):
                idle.append(client)
    outcome.seconds = time.time() - began
    return outcome


def _receive(client: Client, plan: Plan, outcome: Outcome) -> bool:
    """Take what has arrived; True once the answer is whole."""
    piece = client.connection.recv(262_144)
    if not piece:
        raise ConnectionError(f"the server closed the connection: {bytes(client.received[:300])!r}")
    client.received += piece
    if not _is_whole(client.received):
        return False
    now = time.time()
    status = int(client.received[9:12])
    if status == plan.expect:
        outcome.done += 1
        outcome.latencies.append((now - client.sent_at) * 1000)
        if plan.keep_answers:
            outcome.answers.append((client.sent_at, now, _body(client.received)))
    else:
        outcome.wrong += 1
        if len(outcome.wrong_samples) < SAMPLES:
            outcome.wrong_samples.append(f"{status} {_body(client.received)[:300]}")
    client.received.clear()
    return True


def _is_whole(answer: bytearray) -> bool:
    head_end = answer.find(b"\r\n\r\n")
    if head_end < 0:
        return False
    head = bytes(answer[:head_end]).lower()
    start = head.find(b"content-length:")
    if start < 0:
        return answer.endswith(b"0\r\n\r\n")  # chunked
    end = head.find(b"\r\n", start)
    length = int(head[start + 15 : end if end > 0 else None])
    return len(answer) >= head_end + 4 + length


def _body(answer: bytearray) -> str:
    return bytes(answer).partition(b"\r\n\r\n")[2].decode(errors="replace")


def _connected(port: int, requests: Sequence[str]) -> Client:
    connection = socket.create_connection((HOST, port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Client([text.encode() for text in requests], connection)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(run(Plan(**json.loads(sys.stdin.readline()))))))
