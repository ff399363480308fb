"""Tokens of the API."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from apps.staff.models import User
from apps.staff.tokens import QuickTokenAuthentication
from tests.factories import Town


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
