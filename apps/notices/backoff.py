"""How long to wait before the next try, pure: longer after each failure, and never all at the same moment."""

from datetime import timedelta
from typing import Final

FIRST: Final = timedelta(seconds=30)
LONGEST: Final = timedelta(hours=1)
MOST_ATTEMPTS: Final = 12  # about five hours from the first to the last: a night's repair of a city system
FEWEST_SHARE: Final = 0.5  # of the full wait, at the luckiest dice


def back_off(attempts: int, dice: float, at_least: timedelta | None = None) -> timedelta:
    """The wait after `attempts` failures (1 or more): 30 s, doubled by each, at most an hour, of which the dice (0 ≤
    dice < 1) take away up to a half. `at_least` is what the other side asked for (Retry-After); an hour caps that, too.
    """
    doublings = min(attempts - 1, 10)  # beyond it the cap holds anyway
    full = min(FIRST * (1 << doublings), LONGEST)
    wait = full * (FEWEST_SHARE + (1 - FEWEST_SHARE) * dice)
    return max(wait, min(at_least, LONGEST)) if at_least else wait
