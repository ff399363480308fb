"""E-mail to a real server on the loopback, SMS to a real file, quiet hours, two at once, and the end of it all."""

import json
import threading
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from apps.notices.backoff import LONGEST, MOST_ATTEMPTS
from apps.notices.channels import parcels, webhooks
from apps.notices.models import Delivery, QuietHours, Way
from apps.notices.services import notify
from apps.notices.services.delivery import LEASE, Delivered, deliver_turn, deliver_waiting
from tests.factories import NOW, Town, build_town
from tests.notices.receivers import Listener, MailBox
from tests.notices.wishes import NIGHT, TEXT, WAKES, endpoint, stand, tell, wants

MORNING = (NIGHT + timedelta(days=1)).replace(hour=7)


def read(texts: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in texts.read_text().splitlines()] if texts.exists() else []


def mail(box: MailBox, number: int = 0) -> EmailMessage:
    parsed = message_from_bytes(box.messages[number][1], policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


# --- e-mail -------------------------------------------------------------------------------------------------------


def test_an_email_is_written_in_the_readers_language_and_says_where_to_look(
    town: Town, mails: MailBox, settings: Settings
) -> None:
    settings.DEFAULT_FROM_EMAIL = "网格 <grid@city.cn>"
    leader, clerk = town.people.leader, town.people.street_clerk
    leader.email, leader.language = "wang@city.cn", "zh-hans"
    leader.save()
    wants(leader, Way.EMAIL)
    wants(clerk, Way.EMAIL, "qian@city.cn", language="en")
    tell(leader, clerk)
    assert deliver_turn(now=NOW) == Delivered(sent=2)
    assert [to for to, _ in mails.messages] == ["wang@city.cn", "qian@city.cn"]
    assert mails.connections == 1
    chinese, english = mail(mails, 0), mail(mails, 1)
    assert chinese["Subject"] == "超出园田职权范围"
    assert english["Subject"] == "Beyond the powers of 园田"
    assert english.get_content().splitlines()[:5] == [
        "钱受理",
        "",
        "Beyond the powers of 园田",
        "",
        "Open it here: https://grid.example.cn/i/1/",
    ]
    assert "打开" in chinese.get_content()
    assert chinese["Message-ID"] == f"<{Delivery.objects.order_by('id')[0].key}@city.cn>"


@pytest.mark.parametrize(
    ("answer", "state", "others"),
    [
        ("450 mailbox busy", "waiting", "sent"),
        ("421 come back", "waiting", "waiting"),  # the server is closing: to everybody
        ("550 no such mailbox", "given_up", "sent"),
    ],
)
def test_a_mail_server_says_what_can_heal(town: Town, mails: MailBox, answer: str, state: str, others: str) -> None:
    mails.refusals["bad@city.cn"] = answer
    wants(town.people.leader, Way.EMAIL, "bad@city.cn")
    wants(town.people.street_clerk, Way.EMAIL, "good@city.cn")
    tell(town.people.leader, town.people.street_clerk)
    deliver_turn(now=NOW)
    assert stand("state") == [state, others]
    assert answer.split(" ", 1)[1] in stand("last_error")[0]


def test_a_mail_server_that_is_away_holds_up_nothing_and_nobody(
    town: Town, mails: MailBox, texts: Path, settings: Settings
) -> None:
    settings.EMAIL_PORT = 1
    for person in (town.people.leader, town.people.street_clerk):
        wants(person, Way.EMAIL, "a@city.cn")
        wants(person, Way.SMS, "13700000000")
    tell(town.people.leader, town.people.street_clerk)
    assert deliver_turn(now=NOW) == Delivered(sent=2, waiting=2)
    assert len(read(texts)) == 2


@pytest.mark.parametrize("address", ["", "no address", "a@b@c", "x\nBcc: y@z.cn"])
def test_an_address_that_is_none_is_given_up_at_once(town: Town, mails: MailBox, address: str) -> None:
    wants(town.people.leader, Way.EMAIL, address)
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(given_up=1)
    assert mails.messages == []


def test_a_line_break_in_a_name_writes_no_header(town: Town, mails: MailBox) -> None:
    wants(town.people.leader, Way.EMAIL, "a@city.cn", language="en")
    notify(recipients=[town.people.leader.id], text=TEXT, values={"from": "x\r\nBcc: y@z.cn"}, link="", now=NOW)
    assert deliver_turn(now=NOW) == Delivered(sent=1)
    assert mail(mails)["Bcc"] is None
    assert mail(mails)["Subject"] == "Beyond the powers of x Bcc: y@z.cn"


# --- SMS ----------------------------------------------------------------------------------------------------------


class Broken:
    """A provider's gateway with a mistake in it."""

    def send(self, phone: str, text: str) -> None:
        raise KeyError(phone)


def test_an_sms_is_one_line_of_a_file(town: Town, texts: Path) -> None:
    town.people.leader.phone = "13712345678"
    town.people.leader.save()
    wants(town.people.leader, Way.SMS, language="en")
    tell(town.people.leader, text=WAKES)
    assert deliver_turn(now=NOW) == Delivered(sent=1)
    (line,) = read(texts)
    assert (line["phone"], line["text"]) == ("13712345678", "Urgent · Urgent matter of 园田")
    assert texts.stat().st_mode & 0o777 == 0o600


def test_a_gateway_that_breaks_is_tried_again_and_logged(
    town: Town, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SMS_GATEWAY = "tests.notices.test_delivery.Broken"
    wants(town.people.leader, Way.SMS, "137")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(waiting=1)
    assert stand("last_error") == ["KeyError: '137'"]
    assert "Traceback" in caplog.text


class AwayAtOnce:
    """A gateway that asks its provider for a session while it is made."""

    def __init__(self) -> None:
        raise ConnectionError("provider is away")

    def send(self, phone: str, text: str) -> None:
        """Never reached."""


@pytest.mark.parametrize(
    ("gateway", "words"),
    [("AwayAtOnce", "ConnectionError: provider is away"), ("Typo", 'does not define a "Typo" attribute/class')],
)
def test_a_gateway_that_cannot_be_made_holds_up_no_other_channel_and_ends(
    town: Town, listener: Listener, settings: Settings, caplog: pytest.LogCaptureFixture, gateway: str, words: str
) -> None:
    settings.SMS_GATEWAY = f"tests.notices.test_delivery.{gateway}"
    settings.QUIET_HOURS = None
    for person in (town.people.leader, town.people.street_clerk):
        wants(person, Way.SMS, "137")
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader, town.people.street_clerk)
    assert deliver_turn(now=NOW) == Delivered(sent=2, waiting=2)
    errors = list(Delivery.objects.filter(channel=Way.SMS).values_list("last_error", flat=True))
    assert len(errors) == 2
    assert all(words in error for error in errors)
    assert caplog.text.count("channel sms broke\nTraceback") == 1
    now = NOW
    for _ in range(MOST_ATTEMPTS):
        now += LONGEST
        deliver_waiting(now=now)
    assert sorted(stand()) == ["given_up"] * 2 + ["sent"] * 2


# --- quiet hours --------------------------------------------------------------------------------------------------


def test_at_night_people_are_left_alone_until_seven_and_machines_are_not(
    town: Town, listener: Listener, texts: Path
) -> None:
    wants(town.people.leader, Way.SMS, "137")
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader, now=NIGHT)
    assert deliver_turn(now=NIGHT) == Delivered(sent=1, held=1)
    assert deliver_waiting(now=MORNING - timedelta(seconds=1)) == Delivered()
    assert read(texts) == []
    assert deliver_waiting(now=MORNING) == Delivered(sent=1)
    assert len(read(texts)) == 1


def test_what_is_urgent_wakes_them(town: Town, texts: Path) -> None:
    wants(town.people.leader, Way.SMS, "137")
    tell(town.people.leader, text=WAKES, now=NIGHT)
    tell(town.people.leader, is_urgent=True, now=NIGHT)
    assert deliver_turn(now=NIGHT) == Delivered(sent=2)


@pytest.mark.parametrize(
    ("hours", "at", "is_held"), [((12, 14), 13, True), ((12, 14), 23, False), ((0, 0), 23, False), (None, 13, False)]
)
def test_ones_own_quiet_hours_count_instead_of_the_citys(
    town: Town, texts: Path, hours: tuple[int, int] | None, at: int, is_held: bool
) -> None:
    now = NOW.replace(hour=at)
    wants(town.people.leader, Way.SMS, "137")
    if hours:
        starts, ends = (now.replace(hour=hour).time() for hour in hours)
        QuietHours.objects.create(user=town.people.leader, starts_at=starts, ends_at=ends)
    tell(town.people.leader, now=now)
    assert deliver_turn(now=now) == (Delivered(held=1) if is_held else Delivered(sent=1))


def test_a_retry_does_not_fall_into_the_night(town: Town, mails: MailBox) -> None:
    evening = NIGHT.replace(hour=20, minute=59, second=55)
    mails.refusals["a@city.cn"] = "450 busy"
    wants(town.people.leader, Way.EMAIL, "a@city.cn")
    tell(town.people.leader, now=evening)
    deliver_turn(now=evening)
    assert deliver_waiting(now=evening + timedelta(minutes=1)) == Delivered(held=1)
    assert stand("attempts", "next_attempt_at") == [(1, MORNING)]


@pytest.mark.parametrize("what", ["person", "channel", "webhook"])
def test_what_is_switched_off_meanwhile_is_not_sent(town: Town, listener: Listener, texts: Path, what: str) -> None:
    setting = wants(town.people.leader, Way.SMS, "137")
    hook = endpoint(f"{listener.url}/status/200")
    tell(town.people.leader, now=NIGHT)
    deliver_turn(now=NIGHT)
    Delivery.objects.filter(channel=Way.WEBHOOK).update(state="waiting", next_attempt_at=MORNING)
    town.people.leader.is_active = what != "person"
    town.people.leader.save()
    setting.is_active, hook.is_active = what != "channel", what != "webhook"
    setting.save()
    hook.save()
    assert deliver_waiting(now=MORNING) == Delivered(sent=1, given_up=1)


# --- at once, and in the middle -----------------------------------------------------------------------------------


def test_nothing_is_sent_inside_a_transaction(transactional_db: None) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable atomic block"):
        deliver_waiting(now=NOW)


@pytest.mark.django_db(transaction=True)
def test_two_drains_at_once_send_each_once(transactional_db: None, listener: Listener) -> None:
    town = build_town()
    for number in range(3):
        endpoint(f"{listener.url}/status/20{number}")
    for _ in range(40):
        tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    start, results = threading.Barrier(2), []

    def drain() -> None:
        try:
            start.wait()
            while (done := deliver_waiting(now=NOW, batch=15)).has_more:
                results.append(done.sent)
            results.append(done.sent)
        finally:
            connection.close()

    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    keys = [request.headers["webhook-id"] for request in listener.received]
    assert len(keys) == len(set(keys)) == sum(results) == 120
    assert set(stand()) == {"sent"}


def test_a_lease_that_ran_out_gives_the_delivery_to_the_next(town: Town, listener: Listener) -> None:
    """Who comes back after the lease writes over nothing."""
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    Delivery.objects.update(attempts=1, next_attempt_at=NOW + LEASE)  # claimed by somebody who died
    assert deliver_waiting(now=NOW + LEASE - timedelta(seconds=1)) == Delivered()
    assert deliver_waiting(now=NOW + LEASE) == Delivered(sent=1)
    assert stand("attempts", "state") == [(2, "sent")]


def test_what_was_taken_up_twelve_times_and_never_answered_is_given_up(town: Town, texts: Path) -> None:
    wants(town.people.leader, Way.SMS, "137")
    tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    Delivery.objects.update(attempts=MOST_ATTEMPTS)
    assert deliver_waiting(now=NOW) == Delivered(given_up=1)
    assert stand("attempts", "last_error") == [(12, "12 tries were begun and none came to an end")]
    assert read(texts) == []


@pytest.mark.parametrize("count", [1, 3])
def test_a_turn_of_webhooks_costs_the_same_however_many(
    town: Town, listener: Listener, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    endpoint(f"{listener.url}/status/200")
    for _ in range(count):
        tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    with django_assert_num_queries(3 * 2 + 3 + 2):  # savepoints of the three claims; the claims; lease and record
        assert deliver_waiting(now=NOW).sent == count


def test_no_parcel_outlives_its_lease() -> None:
    longest = parcels.TURN_SECONDS + max(webhooks.REQUEST_SECONDS + webhooks.POLITE_SECONDS, 60)
    assert timedelta(seconds=longest) < LEASE
