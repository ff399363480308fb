"""Tokens of the API."""

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from apps.staff.models import User
from apps.staff.tokens import QuickTokenAuthentication
from tests.factories import PASSWORD, Town


def test_a_token_leads_to_its_person_with_every_column_in_one_query(town: Town) -> None:
    key = Token.objects.create(user=town.people.leader).key
    QuickTokenAuthentication().authenticate_credentials(key)  # the statement is prepared
    with CaptureQueriesContext(connection) as queries:
        person, auth = QuickTokenAuthentication().authenticate_credentials(key)
    assert len(queries) == 1
    stored = User.objects.get(pk=town.people.leader.pk)
    names = [field.attname for field in User._meta.concrete_fields]
    assert [getattr(person, name) for name in names] == [getattr(stored, name) for name in names]
    assert auth == key
    assert person.is_authenticated


@pytest.mark.parametrize("key", ["", "0" * 40, "' OR true --", "令牌"])
def test_an_unknown_key_is_refused(town: Town, key: str) -> None:
    Token.objects.create(user=town.people.leader)
    with pytest.raises(AuthenticationFailed):
        QuickTokenAuthentication().authenticate_credentials(key)


def test_the_token_of_a_closed_account_opens_nothing(town: Town, client: Client) -> None:
    key = Token.objects.create(user=town.people.leader).key
    assert client.get("/api/v1/issues/", headers={"Authorization": f"Token {key}"}).status_code == 200
    User.objects.filter(pk=town.people.leader.pk).update(is_active=False)
    answer = client.get("/api/v1/issues/", headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Token"


def has_token(person: User) -> bool:
    return Token.objects.filter(user=person).exists()


def test_a_new_password_ends_the_token(town: Town) -> None:
    person = town.people.leader
    Token.objects.create(user=person)
    person.set_password("Jin-Shui-2013-hao")
    person.save(update_fields=["password"])
    assert not has_token(person)


def test_an_administrator_ends_the_token_with_a_new_password_or_with_none(town: Town, client: Client) -> None:
    client.force_login(town.people.admin)
    path = f"/admin/staff/user/{town.people.leader.pk}/password/"
    new = {"password1": "Jin-Shui-2013-hao", "password2": "Jin-Shui-2013-hao", "usable_password": "true"}
    for sent in (new | {"set-password": "1"}, {"usable_password": "false", "unset-password": "1"}):
        Token.objects.create(user=town.people.leader)
        assert client.post(path, sent).status_code == 302
        assert not has_token(town.people.leader)


def test_the_token_of_an_account_that_was_closed_does_not_come_back_with_it(town: Town) -> None:
    person = town.people.leader
    Token.objects.create(user=person)
    for is_active in (False, True):
        person.is_active = is_active
        person.save()
    assert not has_token(person)


def test_what_is_no_new_password_keeps_the_token(town: Town, settings: Any) -> None:
    person = town.people.leader
    Token.objects.create(user=person)
    person.language = "en"
    person.save()
    hashed = person.password
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher", *settings.PASSWORD_HASHERS]
    assert authenticate(None, username=person.username, password=PASSWORD) == person
    assert User.objects.get(pk=person.pk).password != hashed  # hashed anew when its owner signed in
    assert has_token(person)


def test_a_program_signs_out(town: Town, client: Client) -> None:
    key = Token.objects.create(user=town.people.leader).key
    other = Token.objects.create(user=town.people.member)
    client.force_login(town.people.leader)
    assert client.delete("/api/v1/token/").status_code == 401  # a browser's session has no token to give back
    headers = {"Authorization": f"Token {key}"}
    assert client.delete("/api/v1/token/", headers=headers).status_code == 204
    assert client.delete("/api/v1/token/", headers=headers).status_code == 401
    assert list(Token.objects.all()) == [other]
