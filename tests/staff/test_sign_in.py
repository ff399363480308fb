"""Signing in: the way to one's page, the pause after wrong tries, and what is never a way in."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from apps.staff.models import Post, SignInFailure, User
from tests.factories import NOW, PASSWORD, Town

LATER = NOW + timedelta(minutes=16)


def sign_in(client: Client, account: str, password: str = PASSWORD, **data: str) -> Any:
    return client.post("/login/", {"username": account, "password": password, **data})


@pytest.mark.parametrize(
    ("who", "page"),
    [
        ("dispatcher", "/board/"),
        ("street_clerk", "/board/"),
        ("duty_chief", "/board/"),
        ("viewer", "/board/"),
        ("handler", "/t/"),
        ("leader", "/m/"),
        ("member", "/m/"),
        ("community_leader", "/m/"),
        ("admin", "/admin/"),
        ("stranger", "/settings/"),
        ("former_dispatcher", "/settings/"),
    ],
)
def test_the_role_of_today_leads_to_the_first_page(town: Town, client: Client, who: str, page: str) -> None:
    person: User = getattr(town.people, who)
    assert sign_in(client, person.username)["Location"] == page
    assert client.get("/")["Location"] == page


def test_a_phone_number_signs_in_its_only_owner(town: Town, client: Client) -> None:
    User.objects.filter(pk=town.people.leader.pk).update(phone="13800001111")
    assert sign_in(client, " 13800001111 ").status_code == 302
    assert client.session["_auth_user_id"] == str(town.people.leader.pk)


def test_a_phone_number_that_two_people_share_signs_in_neither(town: Town, client: Client) -> None:
    User.objects.filter(pk__in=[town.people.leader.pk, town.people.member.pk]).update(phone="13800001111")
    assert sign_in(client, "13800001111").status_code == 422


def test_nobody_signs_in_by_an_empty_phone_or_an_ended_account(town: Town, client: Client) -> None:
    User.objects.filter(pk=town.people.leader.pk).update(is_active=False)
    assert sign_in(client, town.people.leader.username).status_code == 422
    assert sign_in(client, "").status_code == 422


def test_after_five_wrong_tries_even_the_right_password_waits_fifteen_minutes(town: Town, client: Client) -> None:
    account = town.people.leader.username
    with time_machine.travel(NOW, tick=False):
        answers = [sign_in(client, account, "wrong") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [422] * 5
        assert "还可以试 4 次" in answers[0].text
        assert "15 分钟" in answers[4].text
        paused = sign_in(client, account)
    assert paused.status_code == 429
    assert "10:15" in paused.text
    with time_machine.travel(LATER, tick=False):
        assert sign_in(client, account).status_code == 302
    assert not SignInFailure.objects.exists()


def test_a_paused_account_may_sign_in_elsewhere_and_others_here(town: Town, client: Client) -> None:
    account = town.people.leader.username
    for _ in range(6):
        sign_in(client, account, "wrong")
    assert sign_in(client, town.people.member.username).status_code == 302
    elsewhere = Client(REMOTE_ADDR="10.1.2.3")
    assert sign_in(elsewhere, account).status_code == 302


def test_trying_during_the_pause_does_not_lengthen_it(town: Town, client: Client) -> None:
    account = town.people.leader.username
    with time_machine.travel(NOW, tick=False):
        for _ in range(5):
            sign_in(client, account, "wrong")
    with time_machine.travel(NOW + timedelta(minutes=14), tick=False):
        assert sign_in(client, account, "wrong").status_code == 429
    with time_machine.travel(LATER, tick=False):
        assert sign_in(client, account).status_code == 302


def test_the_admin_has_no_door_that_would_not_count(client: Client, town: Town) -> None:
    answer = client.get("/admin/login/?next=/admin/")
    assert answer["Location"] == "/login/?next=/admin/"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "\\\\evil.example"]
)
def test_next_never_leads_out_of_the_platform(town: Town, client: Client, target: str) -> None:
    assert sign_in(client, town.people.leader.username, next=target)["Location"] == "/m/"
    assert client.post("/look/", {"language": "en", "next": target})["Location"] == "/"


def test_next_leads_back_to_where_the_reader_was_going(town: Town, client: Client) -> None:
    asked = client.get("/m/report")
    assert asked["Location"] == "/login/?next=/m/report"
    assert sign_in(client, town.people.leader.username, next="/m/report")["Location"] == "/m/report"


def test_signing_out_takes_a_post(town: Town, client: Client) -> None:
    client.force_login(town.people.leader)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/m/").status_code == 302


@pytest.mark.parametrize(
    ("account", "password"),
    [
        ("x" * 5_000, "y"),
        ("leader", "z" * 5_000),
        ("nul\x00byte", PASSWORD),
        ("leader", "nul\x00byte"),
        ("' OR 1=1 --", PASSWORD),
        ("<script>alert(1)</script>", PASSWORD),
        ("１３８", PASSWORD),
        ("", ""),
    ],
)
def test_nonsense_is_answered_with_a_sentence(town: Town, client: Client, account: str, password: str) -> None:
    answer = sign_in(client, account, password)
    assert answer.status_code == 422
    assert "error" in answer.text
    assert "<script>alert" not in answer.text


def test_half_a_surrogate_pair_is_no_account(town: Town, client: Client) -> None:
    body = b"username=%ED%A0%80&password=%ED%BF%BF"
    answer = client.generic("POST", "/login/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422


def test_ten_megabytes_of_password_are_refused_as_too_much(town: Town, client: Client) -> None:
    answer = sign_in(client, "leader", "x" * 10 * 2**20)
    assert answer.status_code == 413
    assert "太大" in answer.text


def test_a_form_without_its_token_says_what_to_do(town: Town) -> None:
    answer = sign_in(Client(enforce_csrf_checks=True), town.people.leader.username)
    assert answer.status_code == 403
    assert "刷新页面" in answer.text and "reload the page" in answer.text


def test_settings_say_who_one_is_and_what_one_holds(town: Town, client: Client) -> None:
    client.force_login(town.people.handler)
    page = client.get("/settings/").text
    assert "朱城管" in page and "金水区城市管理局" in page
    Post.objects.filter(user=town.people.handler).delete()
    assert "没有岗位" in client.get("/settings/").text
