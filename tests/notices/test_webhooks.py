"""Webhooks to a real server on the loopback: what is sent, what is tried again, where none may go."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from apps.notices.backoff import LONGEST, MOST_ATTEMPTS
from apps.notices.channels import webhooks
from apps.notices.channels.signatures import is_genuine
from apps.notices.models import Delivery, WebhookEndpoint
from apps.notices.services.delivery import Delivered, deliver_turn, deliver_waiting, try_again
from tests.factories import NOW, Town
from tests.notices.receivers import Listener
from tests.notices.wishes import endpoint, stand, tell


def test_a_webhook_carries_the_notice_in_both_languages_signed(town: Town, listener: Listener) -> None:
    made = endpoint(f"{listener.url}/status/200")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(sent=1)
    (request,) = listener.received
    assert is_genuine(headers=request.headers, body=request.body, secret=made.secret, now=NOW)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.sent_at) == ("sent", 1, NOW)
    assert request.headers["webhook-id"] == str(delivery.key)
    assert request.headers["host"] == listener.url.removeprefix("http://")
    assert json.loads(request.body) == {
        "id": str(delivery.key),
        "kind": "other",
        "is_urgent": False,
        "created_at": "2026-11-18T02:00:00+00:00",
        "recipient": {"number": town.people.leader.username, "name": "王长顺"},
        "texts": {"zh-hans": "超出园田职权范围", "en": "Beyond the powers of 园田"},
        "values": {"from": "园田"},
        "link": "https://grid.example.cn/i/1/",
    }


@pytest.mark.parametrize(
    ("path", "state", "words"),
    [
        ("status/204", "sent", ""),
        ("drip", "sent", ""),
        ("status/500", "waiting", "answered 500 Internal Server Error"),
        ("status/408", "waiting", "answered 408 Request Timeout"),
        ("status/425", "waiting", "answered 425 Too Early"),
        ("status/429", "waiting", "answered 429 Too Many Requests"),
        ("slow-head", "waiting", "no answer within 1 s"),
        ("hang-up", "waiting", "RemoteProtocolError: Server disconnected without sending a response."),
        ("status/400", "given_up", "answered 400 Bad Request"),
        ("status/410", "given_up", "answered 410 Gone"),
        ("redirect", "given_up", "answered 302 Found"),
    ],
)
def test_only_what_can_heal_is_tried_again(
    town: Town, listener: Listener, monkeypatch: pytest.MonkeyPatch, path: str, state: str, words: str
) -> None:
    monkeypatch.setattr(webhooks, "REQUEST_SECONDS", 1.0)
    monkeypatch.setattr(webhooks, "POLITE_SECONDS", 0.2)
    endpoint(f"{listener.url}/{path}")
    tell(town.people.leader)
    deliver_turn(now=NOW)
    assert stand("state", "last_error") == [(state, words)]
    assert len(listener.received) == 1  # a redirect is followed nowhere


def test_a_server_that_is_away_is_tried_again_and_costs_one_try_a_turn(town: Town, listener: Listener) -> None:
    endpoint("http://127.0.0.1:1/")
    endpoint(f"{listener.url}/later")
    for _ in range(3):
        tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(waiting=6)
    assert len(listener.received) == 1
    later = Delivery.objects.filter(endpoint__url__endswith="later")
    assert set(later.values_list("next_attempt_at", flat=True)) == {NOW + timedelta(minutes=10)}  # Retry-After: 600
    assert sorted(later.values_list("attempts", flat=True)) == [0, 0, 1]  # it is there, and asks for patience; 503
    assert sorted(Delivery.objects.exclude(id__in=later).values_list("attempts", flat=True)) == [1, 1, 1]


@pytest.mark.parametrize(("status", "most_attempts"), [(429, 1), (503, MOST_ATTEMPTS - 1)])
def test_who_takes_few_at_a_time_gets_all_and_is_not_pressed(
    town: Town, listener: Listener, status: int, most_attempts: int
) -> None:
    endpoint(f"{listener.url}/quota/{status}")
    for _ in range(60):
        tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    now, minutes = NOW, 0
    while set(stand()) != {"sent"} and minutes < 60:
        listener.quota, minutes = 5, minutes + 1
        for _ in range(6):
            while deliver_waiting(now=now, batch=10).has_more:
                pass
            now += timedelta(seconds=10)
    assert set(stand()) == {"sent"}
    assert max(stand("attempts")) <= most_attempts
    assert len(listener.received) <= 60 + minutes * 4  # 15 to 30 s between one refusal and the next
    made = WebhookEndpoint.objects.get()
    assert (made.refused_since, made.rests_until) == (None, None)


def test_who_was_asked_to_wait_is_not_troubled_by_what_comes_meanwhile(town: Town, listener: Listener) -> None:
    endpoint(f"{listener.url}/later")
    tell(town.people.leader)
    deliver_turn(now=NOW)
    tell(town.people.leader)
    assert deliver_turn(now=NOW + timedelta(minutes=9)) == Delivered()
    assert deliver_turn(now=NOW + timedelta(minutes=10)) == Delivered(waiting=2)
    assert len(listener.received) == 2


@pytest.mark.parametrize("path", ["status/503", "status/429", "later"])
def test_who_only_ever_says_later_is_given_up_in_the_end(town: Town, listener: Listener, path: str) -> None:
    endpoint(f"{listener.url}/{path}")
    for _ in range(60):
        tell(town.people.leader)
    deliver_turn(now=NOW, batch=0)
    now = NOW
    while set(stand()) != {"given_up"} and now < NOW + timedelta(hours=12):
        while deliver_waiting(now=now).has_more:
            pass
        now += timedelta(minutes=5)
    assert set(stand("state", "last_error")) == {("given_up", stand("last_error")[0])}
    assert stand("last_error")[0].startswith("answered ")
    assert NOW + timedelta(hours=3) < now


def test_the_loopback_is_refused_unless_the_settings_open_it(
    town: Town, listener: Listener, settings: Settings
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = ()
    endpoint(f"{listener.url}/status/200")
    endpoint(f"{listener.url}/status/200".replace("127.0.0.1", "localhost"))
    endpoint("http://[::ffff:127.0.0.1]:80/")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(given_up=3)
    assert listener.received == []
    assert all("which webhooks may not reach" in words for words in stand("last_error"))


def test_a_name_is_connected_to_the_address_that_was_looked_at(town: Town, listener: Listener) -> None:
    endpoint(f"{listener.url}/status/200".replace("127.0.0.1", "localhost"))
    tell(town.people.leader)
    deliver_turn(now=NOW)
    assert listener.received[0].headers["host"].startswith("localhost:")


def test_a_proxy_of_the_environment_is_not_used(
    town: Town, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader)
    assert deliver_turn(now=NOW).sent == 1


def test_waits_grow_until_it_is_given_up_and_a_push_gives_it_all_its_tries_again(
    town: Town, listener: Listener, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    endpoint(f"{listener.url}/status/500")
    tell(town.people.leader)
    now, waits = NOW, []
    while stand() != ["given_up"]:
        deliver_turn(now=now)
        due = Delivery.objects.get().next_attempt_at
        waits.append(due - now)
        now = max(due, now)
    assert len(waits) == len(listener.received) == MOST_ATTEMPTS
    assert max(waits) <= LONGEST
    assert deliver_waiting(now=now + LONGEST) == Delivered()
    with django_capture_on_commit_callbacks() as rings:
        assert try_again(delivery_ids=[Delivery.objects.get().id], now=now) == 1
    assert len(rings) == 1
    WebhookEndpoint.objects.update(url=f"{listener.url}/status/200")
    assert deliver_waiting(now=now) == Delivered(sent=1)
    assert len({request.headers["webhook-id"] for request in listener.received}) == 1
    assert try_again(delivery_ids=[Delivery.objects.get().id], now=now) == 0


def test_what_does_not_fit_in_a_turn_is_no_attempt(
    town: Town, listener: Listener, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TURN_SECONDS", -1.0)
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(waiting=1)
    assert stand("attempts", "next_attempt_at") == [(0, NOW)]
    monkeypatch.setattr(webhooks, "TURN_SECONDS", 20.0)
    assert deliver_waiting(now=NOW) == Delivered(sent=1)


def test_one_broken_text_stops_no_other(town: Town, listener: Listener) -> None:
    endpoint(f"{listener.url}/status/200")
    tell(town.people.leader, text="%(nothing)s")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(sent=1, given_up=1)


def test_a_file_of_certificates_that_is_missing_is_a_failure_like_any_other(
    town: Town, listener: Listener, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WEBHOOK_CA_FILE = "/nowhere/ca.pem"
    for _ in range(2):
        endpoint(f"{listener.url}/status/200")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(waiting=2)
    assert all("No such file" in words for words in stand("last_error"))
    assert caplog.text.count("channel webhook broke") == 1
    settings.WEBHOOK_CA_FILE = ""
    assert deliver_waiting(now=NOW + LONGEST) == Delivered(sent=2)


def test_a_secret_that_cannot_sign_stops_no_other_endpoint(town: Town, listener: Listener) -> None:
    endpoint(f"{listener.url}/status/200")
    endpoint(f"{listener.url}/status/200", secret="whsec_x")
    tell(town.people.leader)
    assert deliver_turn(now=NOW) == Delivered(sent=1, waiting=1)
    assert any(words.startswith("Error: ") for words in stand("last_error"))
