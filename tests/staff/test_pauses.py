"""Pauses after wrong passwords: per person and address, per person from everywhere, per address."""

from datetime import datetime, timedelta

import pytest

from apps.staff.models import SignInFailure, User
from apps.staff.services.sign_in import (
    FORGOTTEN_AT_ONCE,
    TRIES_OF_ADDRESS,
    TRIES_OF_PERSON,
    TooManyTries,
    begin_try,
    forget_failures,
)
from tests.factories import NOW, Town

PHONE = "13800001111"
HOUR = timedelta(hours=1)


def fail(account: str, address: str = "10.0.0.1", now: datetime = NOW) -> SignInFailure:
    return begin_try(account=account, address=address, now=now)


def paused_until(account: str, address: str, now: datetime) -> datetime:
    with pytest.raises(TooManyTries) as pause:
        fail(account, address, now)
    return pause.value.until


def test_staff_number_and_phone_of_a_person_are_counted_together(town: Town) -> None:
    person = town.people.leader
    User.objects.filter(pk=person.pk).update(phone=PHONE)
    for account in (person.username, PHONE, f" {PHONE} ", person.username, PHONE):
        fail(account)
    assert paused_until(person.username, "10.0.0.1", NOW) == NOW + timedelta(minutes=15)
    fail(town.people.member.username)


def test_guesses_spread_over_many_addresses_pause_the_person_everywhere(town: Town) -> None:
    person = town.people.leader
    User.objects.filter(pk=person.pk).update(phone=PHONE)
    for number in range(TRIES_OF_PERSON):
        account = PHONE if number % 2 else person.username
        fail(account, f"10.0.1.{number}", NOW + timedelta(minutes=number))
    late = NOW + timedelta(minutes=TRIES_OF_PERSON)
    assert paused_until(person.username, "10.9.9.9", late) == NOW + HOUR
    fail(town.people.member.username, "10.9.9.9", late)
    fail(person.username, "10.9.9.9", NOW + HOUR)


def test_signing_in_forgets_ones_own_slips_but_not_guesses_from_elsewhere(town: Town) -> None:
    account = town.people.leader.username
    for number in range(TRIES_OF_PERSON - 4):
        fail(account, f"10.0.1.{number}")
    for _ in range(4):
        own = fail(account, "10.0.0.1")
    forget_failures(attempt=own)
    assert SignInFailure.objects.count() == TRIES_OF_PERSON - 4


def test_guesses_spread_over_many_people_pause_the_address(town: Town) -> None:
    for number in range(TRIES_OF_ADDRESS):
        fail(f"g9{number:04d}", now=NOW + timedelta(seconds=number))
    account = town.people.leader.username
    assert paused_until(account, "10.0.0.1", NOW + timedelta(minutes=5)) == NOW + HOUR
    fail(account, "10.0.0.2", NOW + timedelta(minutes=5))


def test_an_office_of_people_who_slip_once_is_not_paused(town: Town) -> None:
    for number in range(TRIES_OF_ADDRESS - 1):
        forget_failures(attempt=fail(f"g9{number:04d}"))
        fail(f"g8{number:04d}")
    fail(town.people.leader.username)


def test_old_failures_go_away_bit_by_bit_though_nobody_ever_succeeds(db: None) -> None:
    old = [SignInFailure(key="x", at=NOW - timedelta(days=2)) for _ in range(FORGOTTEN_AT_ONCE + 10)]
    SignInFailure.objects.bulk_create(old)
    fail("nobody")
    assert SignInFailure.objects.filter(key="x").count() == 10
    fail("nobody")
    assert SignInFailure.objects.filter(key="x").count() == 0
    assert SignInFailure.objects.count() == 2
