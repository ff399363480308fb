"""A wire between browser and site that a test can cut: cutting closes every connection and refuses new ones."""

import contextlib
import socket
import threading
from urllib.parse import urlsplit


class Wire:
    """Forwards TCP from `address` to the site."""

    def __init__(self, site: str) -> None:
        parts = urlsplit(site)
        self._target = (str(parts.hostname), int(parts.port or 80))
        self._port = 0
        self._door: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self.mend()
        self.address = f"http://127.0.0.1:{self._port}"

    def mend(self) -> None:
        """Take connections (again)."""
        door = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        self._port = door.getsockname()[1]
        self._door = door
        threading.Thread(target=self._welcome, args=(door,), daemon=True).start()

    def cut(self) -> None:
        """Close every connection and take no more."""
        if self._door is not None:
            with contextlib.suppress(OSError):
                self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()
            self._door = None
        for end in list(self._open):
            self._hang_up(end)

    def _welcome(self, door: socket.socket) -> None:
        while True:
            try:
                caller, _ = door.accept()
                site = socket.create_connection(self._target)
            except OSError:
                return
            self._open |= {caller, site}
            for source, sink in ((caller, site), (site, caller)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        self._hang_up(source)
        self._hang_up(sink)

    def _hang_up(self, end: socket.socket) -> None:
        self._open.discard(end)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
