"""What goes wrong, on purpose: rings that are lost or come twice, workers that die between two statements.

A worker that dies takes its connection with it, so that the database rolls its transaction back; whoever called does
what the platform does then: the broker gives the task to the next worker, the person presses again.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeVar

from django.db import connection

T = TypeVar("T")

DIES: Final = 0.004  # of all calls
DIES_AFTER: Final = 0.25  # of those, after the commit: the answer is lost
MOST_STATEMENTS: Final = 14
LOST: Final = 0.02
DOUBLED: Final = 0.02
PRESSED_TWICE: Final = 0.01


class WorkerDied(BaseException):
    """Not an Exception: nothing in the services may catch it, as nothing can catch a kill."""


@dataclass
class Faults:
    """Lets nothing go wrong unless `is_on`. Its dice need not fall the same again: no outcome depends on them."""

    is_on: bool
    dice: Random
    counts: Counter[str] = field(default_factory=Counter)

    def happens(self, name: str, share: float) -> bool:
        """Whether it goes wrong now; counted."""
        if not self.is_on or self.dice.random() >= share:
            return False
        self.counts[name] += 1
        return True

    def survive(self, call: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """Make the call, perhaps die in it or just after it, and then make it once more (`again`, if that differs)."""
        if not self.is_on or self.dice.random() >= DIES:
            return call()
        try:
            if self.dice.random() < DIES_AFTER:
                call()
                self.counts["died after the commit"] += 1
                raise WorkerDied
            with connection.execute_wrapper(_Death(self.dice.randint(1, MOST_STATEMENTS))):
                return call()
        except WorkerDied:
            self.counts["worker died"] += 1
            connection.close()
            return (again or call)()

    def twice_at_once(self, call: Callable[[], object]) -> None:
        """Make the call here and in another worker at the same time."""
        other = threading.Thread(target=_in_other_worker, args=(call,))
        other.start()
        try:
            call()
        finally:
            other.join()


def _in_other_worker(call: Callable[[], object]) -> None:
    try:
        call()
    finally:
        connection.close()


@dataclass
class _Death:
    """Ends the connection before the nth statement of a call."""

    left: int

    def __call__(
        self, execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]
    ) -> object:
        self.left -= 1
        if self.left > 0:
            return execute(sql, params, many, context)
        context["connection"].connection.close()
        raise WorkerDied
