"""Slowing down guesses of a password: so many failures per account and address, then a pause.

The failures are rows, not cache entries: a Redis that is down neither locks people out nor lets guesses through.
"""

import hashlib
from datetime import datetime, timedelta

from apps.staff.models import SignInFailure

TRIES = 5
PAUSE = timedelta(minutes=15)
KEPT = timedelta(days=1)


class TooManyTries(Exception):
    """The account is paused for this address. `until` is when it may be tried again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


def begin_try(*, account: str, address: str, now: datetime) -> SignInFailure:
    """Write the try down as a failure before the password is looked at, so that parallel guesses count too.

    Raises TooManyTries when the pause is not over; such a try is not counted and does not lengthen the pause.
    """
    attempt = SignInFailure.objects.create(key=_key(account, address), at=now)
    earlier = SignInFailure.objects.filter(key=attempt.key, at__gt=now - PAUSE).exclude(id__gte=attempt.id)
    times = list(earlier.order_by("-id").values_list("at", flat=True)[:TRIES])
    if len(times) >= TRIES:
        attempt.delete()
        raise TooManyTries(times[0] + PAUSE)
    return attempt


def forget_failures(*, attempt: SignInFailure, now: datetime) -> None:
    """The password was right: clear the account's failures at this address, and everybody's of long ago."""
    SignInFailure.objects.filter(key=attempt.key).delete()
    SignInFailure.objects.filter(at__lt=now - KEPT).delete()


def tries_left(*, attempt: SignInFailure, now: datetime) -> int:
    """Return how many tries remain after this failed one."""
    return max(0, TRIES - SignInFailure.objects.filter(key=attempt.key, at__gt=now - PAUSE).count())


def _key(account: str, address: str) -> str:
    words = f"{account.strip().casefold()}\n{address}".encode("utf-8", "replace")
    return hashlib.sha256(words).hexdigest()
