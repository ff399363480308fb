"""The number that every cache and map keys on, asked of the database at most once a second."""

import threading
import time

from apps.grids.models import BoundaryVersion

LOOK_AGAIN_SECONDS = 1.0
NO_CITY = 0


class _Look:
    """What this process saw last, and when (monotonic seconds)."""

    def __init__(self) -> None:
        self.number = NO_CITY
        self.at = float("-inf")
        self.lock = threading.Lock()


_look = _Look()


def boundary_version() -> int:
    """Return the version of cells and boundaries; 0 where nothing was ever loaded. At most a second old."""
    if time.monotonic() - _look.at < LOOK_AGAIN_SECONDS:
        return _look.number
    with _look.lock:
        number = BoundaryVersion.objects.filter(id=1).values_list("number", flat=True).first()
        _look.number = NO_CITY if number is None else number
        _look.at = time.monotonic()
        return _look.number


def look_again() -> None:
    """Ask the database at the next call: this process has just changed a cell."""
    _look.at = float("-inf")
