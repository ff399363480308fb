"""SIGINT, SIGTERM and SIGHUP while serving: the first one unwinds, later ones must not disturb the ending.

An exception that a signal raises can be lost: Python swallows it in a destructor or a callback of the collector. So the
request is also kept, and every place that waits asks `end_if_asked`.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AskedToEnd(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived: unwinds whatever is being done, like KeyboardInterrupt."""


_asked = threading.Event()


@contextmanager
def signals_raise() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into AskedToEnd; later ones must not disturb the ending."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        if not _asked.is_set():
            _asked.set()
            raise AskedToEnd

    _asked.clear()
    with _handlers(end):
        yield


def end_if_asked() -> None:
    """Raise AskedToEnd where a signal has asked to end, though its own exception may have been lost."""
    if _asked.is_set():
        raise AskedToEnd


@contextmanager
def signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the children behind."""
    with _handlers(signal.SIG_IGN):
        yield


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
