"""The demo accounts as they are told to people."""

from io import StringIO

import pytest
from django.core.management import call_command

from apps.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD
from apps.demo.services.building import Built
from apps.staff.models import User

pytestmark = pytest.mark.django_db


def said() -> str:
    output = StringIO()
    call_command("demo_accounts", stdout=output)
    return output.getvalue()


def test_without_a_demo_city_there_is_nothing_to_tell() -> None:
    User.objects.create_user("admin", password="a real administrator's own", name="张管理")
    assert DEMO_PASSWORD not in said()


def test_every_account_is_told_with_its_password_and_post(city: Built) -> None:
    lines = said().splitlines()[1:]
    assert len(lines) == len(DEMO_ACCOUNTS)
    for account, line in zip(DEMO_ACCOUNTS, lines, strict=True):
        assert line.split()[:2] == [account.username, DEMO_PASSWORD]
        assert str(account.title) in line


def test_an_account_whose_password_was_changed_is_not_told(city: Built) -> None:
    admin = User.objects.get(username="admin")
    admin.set_password("something else")
    admin.save()
    assert "admin " not in said()
    assert "dispatcher " in said()
