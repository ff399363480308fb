"""Language and letter size: before signing in by cookie, after it with the person, on every device."""

import pytest
from django.test import Client

from apps.staff.models import User
from tests.factories import PASSWORD, Town


def sign_in(client: Client, user: User) -> None:
    assert client.post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 302


def look_of(client: Client, path: str = "/settings/") -> tuple[str, str]:
    page = client.get(path).text
    head = page[page.index("<html") : page.index(">", page.index("<html"))]
    return head.split('lang="')[1].split('"')[0], head.split('data-text="')[1].split('"')[0]


def test_chinese_in_standard_letters_is_what_a_new_browser_sees(db: None, client: Client) -> None:
    assert look_of(client, "/login/") == ("zh-Hans", "standard")


def test_an_english_browser_sees_english(db: None) -> None:
    assert look_of(Client(headers={"accept-language": "en-GB"}), "/login/") == ("en", "standard")


def test_the_look_is_chosen_before_signing_in_and_then_kept_with_the_person(town: Town, client: Client) -> None:
    answer = client.post("/look/", {"language": "en", "next": "/login/?next=/m/"})
    assert answer["Location"] == "/login/?next=/m/"
    client.post("/look/", {"text_size": "huge", "next": "/login/"})
    assert look_of(client, "/login/") == ("en", "huge")
    sign_in(client, town.people.leader)
    town.people.leader.refresh_from_db()
    assert (town.people.leader.language, town.people.leader.text_size) == ("en", "huge")
    other_device = Client()
    sign_in(other_device, town.people.leader)
    assert look_of(other_device) == ("en", "huge")


def test_the_next_person_on_the_phone_gets_their_own_look(town: Town, client: Client) -> None:
    sign_in(client, town.people.leader)
    client.post("/look/", {"text_size": "huge"})
    client.post("/look/", {"language": "en"})
    client.post("/logout/")
    assert look_of(client, "/login/") == ("en", "huge")  # whoever reads this phone can still read it
    User.objects.filter(pk=town.people.member.pk).update(language="zh-hans")
    sign_in(client, town.people.member)
    assert look_of(client) == ("zh-Hans", "standard")


def test_a_change_on_one_device_is_seen_on_the_other(town: Town, client: Client) -> None:
    other = Client()
    sign_in(client, town.people.leader)
    sign_in(other, town.people.leader)
    client.post("/look/", {"text_size": "large"})
    assert look_of(other)[1] == "large"


@pytest.mark.parametrize("data", [{"language": "xx"}, {"text_size": "gigantic"}, {"language": "zh-hans\x00"}])
def test_an_unknown_look_is_refused(town: Town, client: Client, data: dict[str, str]) -> None:
    client.force_login(town.people.leader)
    assert client.post("/look/", data).status_code == 400
    assert client.get("/look/").status_code == 405


def test_a_broken_cookie_is_ignored(db: None, client: Client) -> None:
    client.cookies["text_size"] = '"><script>'
    assert look_of(client, "/login/") == ("zh-Hans", "standard")
