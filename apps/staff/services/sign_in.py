"""Slowing down guesses of a password: so many failures, then a pause.

Counted three ways: per person and address, per person from everywhere (guesses spread over many addresses), and per
address (guesses spread over many people; an office behind one address stays far below). Staff number and phone of a
person count as one. The two wide counts would let a stranger shut out a person, or a whole office behind one address;
so they do not hold where the person has signed in before. The narrow one always does. The failures are rows, not cache
entries: a Redis that is down neither locks people out nor lets guesses through.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction

from apps.staff.models import SignInFailure, User
from apps.staff.selectors import find_person

TRIES = 5
PAUSE = timedelta(minutes=15)
HOUR: Final = timedelta(hours=1)
TRIES_OF_PERSON: Final = 50  # an hour, from all addresses
TRIES_OF_ADDRESS: Final = 200  # an hour, for all people: an office shares one address
KEPT = timedelta(days=1)
FORGOTTEN_AT_ONCE: Final = 100


class TooManyTries(Exception):
    """The account is paused for this address. `until` is when it may be tried again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class Keys(NamedTuple):
    """What a try is counted under; digests."""

    key: str
    person_key: str
    address_key: str


def begin_try(*, account: str, address: str, known_people: Collection[int] = (), now: datetime) -> SignInFailure:
    """Write the try down as a failure before the password is looked at, so that parallel guesses count too.

    known_people: ids of those who have signed in on this device before. Raises TooManyTries when a pause is not over;
    such a try is not counted and does not lengthen the pause.
    """
    _forget_old(now)
    found = find_person(account.strip())
    attempt = SignInFailure.objects.create(**_keys(account.strip(), found, address)._asdict(), at=now)
    is_known = found is not None and found.id in known_people
    until = max(_ends_here(attempt, now) + ([] if is_known else _ends_anywhere(attempt, now)), default=None)
    if until is not None:
        attempt.delete()
        raise TooManyTries(until)
    return attempt


def forget_failures(*, attempt: SignInFailure) -> None:
    """The password was right: clear the person's failures at this address. Those from elsewhere are not their own."""
    SignInFailure.objects.filter(key=attempt.key).delete()


def tries_left(*, attempt: SignInFailure, now: datetime) -> int:
    """Return how many tries remain after this failed one."""
    return max(0, TRIES - SignInFailure.objects.filter(key=attempt.key, at__gt=now - PAUSE).count())


def _ends_here(attempt: SignInFailure, now: datetime) -> list[datetime]:
    """The end of the person's pause at this address, if there is one."""
    here = _times(attempt, now - PAUSE, TRIES, key=attempt.key)
    return [here[0] + PAUSE] if len(here) == TRIES else []


def _ends_anywhere(attempt: SignInFailure, now: datetime) -> list[datetime]:
    """The ends of the pauses of the person everywhere and of the address for everybody, those there are."""
    wide = (
        (TRIES_OF_PERSON, {"person_key": attempt.person_key}),
        (TRIES_OF_ADDRESS, {"address_key": attempt.address_key}),
    )
    found = [(most, _times(attempt, now - HOUR, most, **where)) for most, where in wide]
    return [times[-1] + HOUR for most, times in found if len(times) == most]  # when the oldest of them is an hour ago


def _times(attempt: SignInFailure, after: datetime, most: int, **where: str) -> list[datetime]:
    """When it failed before, the newest first, at most so many."""
    earlier = SignInFailure.objects.filter(at__gt=after, id__lt=attempt.id, **where)
    return list(earlier.order_by("-id").values_list("at", flat=True)[:most])


@transaction.atomic
def _forget_old(now: datetime) -> None:
    """Some of what nobody asks for any more: with every try, so that guesses alone do not fill the table."""
    old = SignInFailure.objects.filter(at__lt=now - KEPT).order_by("at").select_for_update(skip_locked=True)
    SignInFailure.objects.filter(id__in=old.values("id")[:FORGOTTEN_AT_ONCE]).delete()


def _keys(account: str, found: User | None, address: str) -> Keys:
    person = f"id {found.id}" if found is not None else f"account {account.casefold()}"
    return Keys(_digest(f"{person}\n{address}"), _digest(person), _digest(f"address {address}"))


def _digest(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()
