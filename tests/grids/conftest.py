"""What every test of this room needs."""

import pytest

from apps.grids.selectors.versions import look_again


@pytest.fixture(autouse=True)
def _no_memory_of_the_test_before() -> None:
    """The version is asked at most once a second, and tests are quicker."""
    look_again()
