"""Changing one's own password outside the admin."""

import pytest
from django.test import Client
from rest_framework.authtoken.models import Token

from tests.factories import PASSWORD, Town

URL = "/settings/password/"
NEW = "Jin-Shui-2013-hao"


def form(old: str = PASSWORD, new: str = NEW, again: str = NEW) -> dict[str, str]:
    return {"old_password": old, "new_password1": new, "new_password2": again}


def test_a_new_password_counts_at_once_and_signs_out_everywhere_else(town: Town, client: Client) -> None:
    person = town.people.leader
    other = Client()
    for browser in (client, other):
        assert browser.login(username=person.username, password=PASSWORD)
    Token.objects.create(user=person)
    assert f'href="{URL}"' in client.get("/settings/").text
    answer = client.post(URL, form(), follow=True)
    assert answer.redirect_chain == [("/settings/", 302)]
    assert "密码已修改" in answer.text
    assert other.get("/settings/").status_code == 302
    assert not Token.objects.filter(user=person).exists()
    assert not Client().login(username=person.username, password=PASSWORD)
    assert Client().login(username=person.username, password=NEW)


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (form(old="wrong"), "old_password"),
        (form(again="other"), "new_password2"),
        (form(new="12345", again="12345"), "new_password2"),
        (form(old="", new="", again=""), "old_password"),
        (form(new="nul\x00" + NEW), "new_password1"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_changes(
    town: Town, client: Client, sent: dict[str, str], field: str
) -> None:
    client.force_login(town.people.leader)
    answer = client.post(URL, sent)
    assert answer.status_code == 422
    assert f'id="id_{field}_error"' in answer.text
    assert Client().login(username=town.people.leader.username, password=PASSWORD)


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "修改密码"), ("en", "Change password")])
def test_the_page_speaks_the_readers_language(town: Town, client: Client, language: str, words: str) -> None:
    town.people.leader.language = language
    town.people.leader.save()
    client.force_login(town.people.leader)
    page = client.get(URL).text
    assert f'<h1 class="grow">{words}</h1>' in page
    assert page.count('type="password"') == 3 and "<ul>" not in page


def test_a_stranger_signs_in_first(client: Client, db: None) -> None:
    assert client.get(URL)["Location"] == f"/login/?next={URL}"
