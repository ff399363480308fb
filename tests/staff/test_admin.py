"""What administrators see and may change about people."""

from django.test import Client
from rest_framework.authtoken.models import Token

from tests.factories import Town


def test_no_administrator_reads_a_token(town: Town, client: Client) -> None:
    token = Token.objects.create(user=town.people.leader)
    client.force_login(town.people.admin)
    person = town.people.leader.pk
    for path in ("", "authtoken/", "authtoken/tokenproxy/", f"authtoken/tokenproxy/{person}/change/"):
        assert "tokenproxy" not in client.get(f"/admin/{path}").text
        assert client.get(f"/admin/{path}").status_code == (404 if path else 200)
    for path in ("", f"{person}/change/", f"{person}/history/"):
        assert token.key not in client.get(f"/admin/staff/user/{path}").text
