"""Pauses after wrong passwords: per person and address, per person from everywhere, per address."""

from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.common import clock
from apps.staff import devices
from apps.staff.models import SignInFailure, User
from apps.staff.services.sign_in import (
    FORGOTTEN_AT_ONCE,
    TRIES_OF_ADDRESS,
    TRIES_OF_PERSON,
    TooManyTries,
    begin_try,
    forget_failures,
)
from tests.factories import NOW, PASSWORD, Town

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


def test_who_signed_in_here_before_is_not_shut_out_by_guesses_of_others(town: Town) -> None:
    person, known = town.people.leader, (town.people.member.id, town.people.leader.id)
    for number in range(TRIES_OF_ADDRESS):
        fail(f"g9{number:04d}", now=NOW + timedelta(seconds=number))
    for number in range(TRIES_OF_PERSON):
        fail(person.username, f"10.0.1.{number}")
    late = NOW + timedelta(minutes=5)
    assert paused_until(person.username, "10.0.0.1", late) == NOW + HOUR
    forget_failures(attempt=begin_try(account=person.username, address="10.0.0.1", known_people=known, now=late))
    with pytest.raises(TooManyTries):
        begin_try(account=town.people.street_clerk.username, address="10.0.0.1", known_people=known, now=late)


def test_a_known_device_may_not_guess_more_often_either(town: Town) -> None:
    person = town.people.leader
    for _ in range(5):
        begin_try(account=person.username, address="10.0.0.1", known_people=(person.id,), now=NOW)
    with pytest.raises(TooManyTries):
        begin_try(account=person.username, address="10.0.0.1", known_people=(person.id,), now=NOW)


def sign_in(client: Client, person: User, password: str = PASSWORD) -> int:
    return client.post("/login/", {"username": person.username, "password": password}).status_code


def test_a_browser_remembers_who_signed_in_and_does_not_believe_a_forgery(town: Town) -> None:
    leader, member = town.people.leader, town.people.member
    browser, forger = Client(), Client()
    for person in (leader, member):
        assert sign_in(browser, person) == 302
        browser.post("/logout/")
    for number in range(TRIES_OF_ADDRESS):
        fail(f"g9{number:04d}", "127.0.0.1", clock.now())
    forger.cookies[devices.COOKIE] = f"{leader.pk}:1vMwY0:forged"
    assert [sign_in(one, leader) for one in (Client(), forger, browser)] == [429, 429, 302]


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
