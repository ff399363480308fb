"""How a person chooses to be told, and what the administrator sees of what did not arrive."""

import json
from datetime import time, timedelta
from pathlib import Path

import pytest
import redis
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings

from apps.common import heartbeat
from apps.common.clock import now
from apps.issues.services.routing import route_waiting
from apps.notices.models import ChannelSetting, Delivery, Notice, QuietHours, Way, WebhookEndpoint
from apps.notices.selectors import wishes_of
from apps.notices.services.delivery import DELIVER, deliver_turn, only_deliverer
from apps.notices.tasks import deliver
from grid_mgmt.celery import app
from tests.factories import NOW, Town
from tests.issues.reports import filed
from tests.notices.wishes import NIGHT, endpoint, stand, tell, wants

CITY = {"quiet": "city"}


@pytest.fixture
def leader(town: Town, client: Client) -> Client:
    client.force_login(town.people.leader)
    client.cookies["django_language"] = "en"
    return client


def test_a_stranger_is_sent_to_the_log_in(town: Town, client: Client) -> None:
    assert client.get("/settings/notices/").headers["Location"] == "/login/?next=/settings/notices/"


def test_a_choice_is_kept_and_shown_again(town: Town, leader: Client) -> None:
    chosen = {
        "email": "on",
        "email_address": "wang@city.cn",
        "sms_address": "137 1234 5678",
        "language": "en",
        "quiet": "own",
        "quiet_from": "12:30",
        "quiet_until": "14:00",
    }
    assert leader.post("/settings/notices/", chosen).headers["Location"] == "/settings/"
    setting = ChannelSetting.objects.get()
    assert (setting.channel, setting.address, setting.language, setting.is_active) == (
        "email",
        "wang@city.cn",
        "en",
        True,
    )
    hours = QuietHours.objects.get()
    assert (hours.starts_at, hours.ends_at) == (time(12, 30), time(14))
    page = leader.get("/settings/").text
    assert "In the platform · e-mail" in page
    assert "12:30–14:00" in page
    page = leader.get("/settings/notices/").text
    assert 'value="wang@city.cn"' in page
    assert 'value="12:30"' in page


def test_the_citys_quiet_hours_and_none_are_choices_too(town: Town, leader: Client) -> None:
    leader.post("/settings/notices/", {"quiet": "none"})
    assert wishes_of(town.people.leader).quiet_that_counts is None
    assert 'value="none" id="id_quiet_2" checked' in leader.get("/settings/notices/").text.replace("required ", "")
    leader.post("/settings/notices/", CITY)
    assert not QuietHours.objects.exists()
    assert str(wishes_of(town.people.leader).quiet_that_counts) == "21:00–07:00"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"email": "on"}, "Say to which address."),
        ({"sms": "on"}, "Say to which number."),
        ({"email_address": "x"}, "This is no address for messages."),
        ({"email_address": "x@y.cn\nBcc: z@y.cn"}, "This is no address for messages."),
        ({"sms_address": "abc"}, "This is no address for messages."),
        ({"sms_address": "１３７１２３４５６７８"}, "This is no address for messages."),
        ({"quiet": "own"}, "Say a time."),
        ({"quiet": "own", "quiet_from": "25:00", "quiet_until": "07:00"}, "Enter a valid time."),
        ({"quiet": "sometimes"}, "Select a valid choice."),
        ({"language": "xx"}, "Select a valid choice."),
        ({"email_address": "x" * 300}, "Ensure this value has at most 254 characters"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(
    town: Town, leader: Client, given: dict[str, str], sentence: str
) -> None:
    answer = leader.post("/settings/notices/", CITY | given)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not ChannelSetting.objects.exists()


def test_the_address_kept_with_the_person_will_do(town: Town, leader: Client) -> None:
    town.people.leader.email = "wang@city.cn"
    town.people.leader.save()
    assert leader.post("/settings/notices/", CITY | {"email": "on"}).status_code == 302


def test_a_channel_switched_off_drops_what_waits_and_one_switched_on_tells_from_now(town: Town, leader: Client) -> None:
    setting = wants(town.people.leader, Way.SMS, "13700000000")
    tell(town.people.leader, now=NIGHT)
    deliver_turn(now=NIGHT)
    assert stand() == ["held"]
    leader.post("/settings/notices/", CITY | {"sms_address": "13700000000"})
    assert stand() == []
    before = setting.since
    leader.post("/settings/notices/", CITY | {"sms": "on", "sms_address": "13700000000"})
    setting.refresh_from_db()
    assert setting.is_active
    assert setting.since > before + timedelta(days=1)


def test_new_quiet_hours_count_for_what_is_held_already(
    town: Town, leader: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    wants(town.people.leader, Way.SMS, "13700000000")
    tell(town.people.leader, now=NIGHT)
    deliver_turn(now=NIGHT)
    with django_capture_on_commit_callbacks() as rings:
        leader.post("/settings/notices/", {"quiet": "none", "sms": "on", "sms_address": "13700000000"})
    assert stand() == ["waiting"]
    assert len(rings) == 1


def test_the_settings_page_costs_two_queries_more(
    town: Town, leader: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    leader.get("/settings/")
    with django_assert_num_queries(3 + 2):  # session, person, posts; channels and quiet hours
        leader.get("/settings/")


# --- the administrator ------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(town: Town, client: Client) -> Client:
    client.force_login(town.people.admin)
    client.cookies["django_language"] = "en"
    return client


def test_what_did_not_arrive_is_listed_with_its_reason_and_can_be_tried_again(
    town: Town, admin: Client, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    settings.QUIET_HOURS = None  # "try again" means now, whatever hour this test runs at
    setting = wants(town.people.leader, Way.EMAIL, "nonsense")
    tell(town.people.leader)
    deliver_turn(now=NOW)
    page = admin.get("/admin/notices/delivery/?state__exact=given_up").text
    assert "no e-mail address" in page
    assert "王长顺" in page
    setting.address = "wang@city.cn"
    setting.save()
    chosen = {"action": "try_again", "_selected_action": [Delivery.objects.get().id]}
    page = admin.post("/admin/notices/delivery/", chosen, follow=True).text
    assert "Deliveries to be tried again: 1" in page
    assert deliver_turn(now=now()).sent == 1
    assert "wang@city.cn" in next(tmp_path.iterdir()).read_text()


def test_what_did_not_arrive_can_be_discarded_and_nothing_else(town: Town, admin: Client, texts: Path) -> None:
    wants(town.people.leader, Way.EMAIL, "nonsense")
    wants(town.people.leader, Way.SMS, "137")
    tell(town.people.leader)
    deliver_turn(now=NOW)
    failed = Delivery.objects.get(state="given_up")
    chosen = {"action": "discard", "_selected_action": [row.id for row in Delivery.objects.all()]}
    page = admin.post("/admin/notices/delivery/", chosen, follow=True).text
    assert "Deliveries discarded: 1" in page
    assert stand() == ["sent"]
    assert Notice.objects.count() == 1
    logged = LogEntry.objects.get()
    assert (logged.user_id, logged.action_flag, logged.object_repr) == (town.people.admin.id, DELETION, str(failed.key))


def test_who_may_only_look_cannot_send_again(town: Town, client: Client) -> None:
    from django.contrib.auth.models import Permission

    person = town.people.inspector
    person.is_staff = True
    person.save()
    person.user_permissions.add(Permission.objects.get(codename="view_delivery"))
    client.force_login(person)
    wants(town.people.leader, Way.EMAIL, "nonsense")
    tell(town.people.leader)
    deliver_turn(now=NOW)
    assert client.get("/admin/notices/delivery/").status_code == 200
    for action in ("try_again", "discard"):
        client.post("/admin/notices/delivery/", {"action": action, "_selected_action": [Delivery.objects.get().id]})
        assert stand() == ["given_up"]
    person.user_permissions.add(Permission.objects.get(codename="delete_delivery"))
    client.post("/admin/notices/delivery/", {"action": "discard", "_selected_action": [Delivery.objects.get().id]})
    assert stand() == []


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_however_many(
    town: Town, admin: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    endpoint("http://127.0.0.1:1/")
    for _ in range(count):
        tell(town.people.leader)
    deliver_turn(now=NOW)
    admin.get("/admin/notices/delivery/")
    with django_assert_num_queries(5):  # session, person, count, rows, webhooks for the filter
        admin.get("/admin/notices/delivery/")


def test_a_webhooks_secret_is_made_here_and_shown_once(town: Town, admin: Client) -> None:
    values = {"name": "12345", "url": "https://hotline.example.cn/in", "kinds": ["issue.overdue"], "is_active": "on"}
    page = admin.post("/admin/notices/webhookendpoint/add/", values, follow=True).text
    made = WebhookEndpoint.objects.get()
    assert (made.kinds, made.previous_secret) == (["issue.overdue"], "")
    assert made.secret in page.replace("&#x2B;", "+").replace("&#x3D;", "=")
    assert made.secret not in admin.get(f"/admin/notices/webhookendpoint/{made.id}/change/").text
    old = made.secret
    chosen = {"action": "give_new_secret", "_selected_action": [made.id]}
    admin.post("/admin/notices/webhookendpoint/", chosen)
    made.refresh_from_db()
    assert made.previous_secret == old != made.secret
    admin.post("/admin/notices/webhookendpoint/", chosen | {"action": "forget_previous_secret"})
    made.refresh_from_db()
    assert made.previous_secret == ""


def test_a_webhook_that_is_mended_is_not_left_alone_any_longer(town: Town, admin: Client) -> None:
    made = endpoint("https://a.cn/", refused_since=NOW, rests_until=NOW)
    page = f"/admin/notices/webhookendpoint/{made.id}/change/"
    admin.post(page, {"name": "a", "url": "https://b.cn/", "is_active": "on"})
    made.refresh_from_db()
    assert (made.url, made.refused_since, made.rests_until) == ("https://b.cn/", None, None)


@pytest.mark.parametrize("url", ["ftp://a.cn/", "javascript:alert(1)", "a.cn"])
def test_a_webhook_is_a_web_address(town: Town, admin: Client, url: str) -> None:
    answer = admin.post("/admin/notices/webhookendpoint/add/", {"name": "x", "url": url})
    assert answer.status_code == 200
    assert not WebhookEndpoint.objects.exists()


# --- the bell ---------------------------------------------------------------------------------------------------------


def test_telling_rings_the_deliverer_and_a_piled_telling_too(
    town: Town, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, broker: redis.Redis
) -> None:
    filed(town, town.categories.noise)
    with django_capture_on_commit_callbacks(execute=True):
        route_waiting(now=NOW)
    rung = [json.loads(message)["headers"]["task"] for message in broker.lrange(app.conf.task_default_queue, 0, -1)]
    assert rung == [DELIVER]


def test_what_one_turn_leaves_rings_again_and_a_second_deliverer_is_needless(
    town: Town,
    broker: redis.Redis,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    settings: Settings,
    tmp_path: Path,
) -> None:
    settings.SMS_FILE = tmp_path / "sms.jsonl"
    wants(town.people.leader, Way.SMS, "137")
    QuietHours.objects.create(user=town.people.leader, starts_at=time(), ends_at=time())
    for _ in range(60):
        tell(town.people.leader, now=now())
    with django_capture_on_commit_callbacks(execute=True):
        deliver()
    assert stand().count("sent") == 50
    assert broker.llen(app.conf.task_default_queue) == 1
    assert heartbeat.age("deliver", now()) is not None
    with only_deliverer() as is_only:
        assert is_only  # the turn before has given it back
