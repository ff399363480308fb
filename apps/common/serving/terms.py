"""What the parts of `serve` have in common: how it is asked, and how it refuses."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


class CannotServe(Exception):
    """The product cannot be started or kept running; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Options:
    """What `serve` was asked for. `parent`: the process with which it ends, None for none."""

    host: str
    port: int
    demo: bool = True
    workers: int = 2
    parent: int | None = None
