"""What the parts of `serve` have in common: how it is asked, and how it refuses."""

import os
from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


class CannotServe(Exception):
    """The product cannot be started or kept running; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Options:
    """What `serve` was asked for."""

    host: str
    port: int
    demo: bool = True
    workers: int = 2


def demo_allowed() -> bool:
    """Whether a demo city, whose passwords everybody knows, may be built: GRID_DEMO, else only on the private server."""
    given = os.environ.get("GRID_DEMO", "").strip().lower()
    return given in ("1", "true", "yes", "on") if given else not os.environ.get("DATABASE_URL")
