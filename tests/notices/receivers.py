"""Real receivers on the loopback: a web server that answers as told, and a mail server that keeps what it is given."""

import socket
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request: path, headers with lower-case names, body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Listener:
    """A web server. The path says how it answers: /status/503, /slow-head, /drip, /hang-up, /redirect, /later, and
    /quota/429.
    """

    url: str
    received: list[Received] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)  # /gate answers once it is set
    quota: int = 0  # /quota/429 takes so many more

    def takes_one(self) -> bool:
        """Whether the quota had room."""
        self.quota -= 1
        return self.quota >= 0

    def bodies(self, path: str = "/status/200") -> list[bytes]:
        """What came to the path, in order."""
        return [one.body for one in self.received if one.path == path]


@contextmanager
def listening() -> Iterator[Listener]:
    """Start one, and end it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    listener = Listener(f"http://127.0.0.1:{server.server_port}")
    server.listener = listener  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener
    finally:
        listener.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        listener: Listener = self.server.listener  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        listener.received.append(Received(self.path, headers, body))
        name, _, rest = self.path.lstrip("/").partition("/")
        answers: dict[str, Callable[[], object]] = {
            "status": lambda: self._answer(int(rest)),
            "redirect": lambda: self._answer(302, Location=f"{listener.url}/status/200"),
            "later": lambda: self._answer(503, **{"Retry-After": "600"}),
            "slow-head": lambda: time.sleep(3),
            "drip": self._drip,
            "hang-up": lambda: self.connection.shutdown(socket.SHUT_RDWR),
            "quota": lambda: self._answer(200 if listener.takes_one() else int(rest)),
            "gate": lambda: self._answer(200) if listener.gate.wait(30) else None,
        }
        answers[name]()

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def _drip(self) -> None:
        """A good status, and a body that never ends."""
        self.send_response(200)
        self.send_header("content-length", "1000000")
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b".")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@dataclass
class MailBox:
    """A mail server. `refusals` by address: the SMTP answer to RCPT TO."""

    port: int
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    connections: int = 0


@contextmanager
def mailbox() -> Iterator[MailBox]:
    """Start one, and end it."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _MailHandler)
    server.daemon_threads = True
    box = MailBox(server.server_address[1])
    server.box = box  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _MailHandler(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as smtplib asks for."""

    def handle(self) -> None:
        box: MailBox = self.server.box  # type: ignore[attr-defined]
        box.connections += 1
        self._say("220 sink")
        to = ""
        answers: dict[str, Callable[[], str]] = defaultdict(lambda: lambda: "250 ok", DATA=lambda: "354 go on")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(" ")[0].upper()
            if verb == "RCPT":
                to = line.split("<")[1].split(">")[0]
                self._say(box.refusals.get(to, "250 ok"))
                continue
            self._say(answers[verb]() if verb != "QUIT" else "221 bye")
            if verb == "DATA":
                box.messages.append((to, self._message()))
                self._say("250 kept")
            if verb == "QUIT":
                return

    def _message(self) -> bytes:
        lines = iter(self.rfile.readline, b".\r\n")
        return b"".join(lines)

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")
