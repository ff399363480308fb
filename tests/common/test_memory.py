"""What is loaded for good is passed over by the garbage collector; what is dropped is freed all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from apps.common.memory import keep_for_good


class Large:
    """Something that can be watched."""


@pytest.fixture(autouse=True)
def _thawed_afterwards() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_alive_is_passed_over() -> None:
    kept = [Large()]
    assert any(one is kept for one in gc.get_objects())
    keep_for_good()
    assert not any(one is kept for one in gc.get_objects())


def test_what_is_dropped_later_is_freed() -> None:
    kept = Large()
    seen = weakref.ref(kept)
    keep_for_good()
    del kept
    assert seen() is None


def test_garbage_is_not_kept() -> None:
    cycle = Large()
    cycle.self = cycle  # type: ignore[attr-defined]
    seen = weakref.ref(cycle)
    del cycle
    keep_for_good()
    assert seen() is None
