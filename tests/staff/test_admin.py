"""What administrators see and may change about people."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from rest_framework.authtoken.models import Token

from apps.staff.models import User
from tests.factories import PASSWORD, Town, user


def test_no_administrator_reads_a_token(town: Town, client: Client) -> None:
    token = Token.objects.create(user=town.people.leader)
    client.force_login(town.people.admin)
    person = town.people.leader.pk
    for path in ("", "authtoken/", "authtoken/tokenproxy/", f"authtoken/tokenproxy/{person}/change/"):
        assert "tokenproxy" not in client.get(f"/admin/{path}").text
        assert client.get(f"/admin/{path}").status_code == (404 if path else 200)
    for path in ("", f"{person}/change/", f"{person}/history/"):
        assert token.key not in client.get(f"/admin/staff/user/{path}").text


RIGHTS = {"is_staff": "on", "is_superuser": "on"}
PASSWORDS = {"password1": "Jin-Shui-2013-hao", "password2": "Jin-Shui-2013-hao", "usable_password": "true"}


@pytest.fixture
def system_administrator(town: Town) -> User:
    """May do everything with people and groups, but is no superuser."""
    person = user("吴系统", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(content_type__app_label__in=("staff", "auth")))
    return person


def sent(person: User, **changes: object) -> dict[str, object]:
    """The form of a person as the browser sends it."""
    return {"username": person.username, "name": person.name, "text_size": "standard", "is_active": "on", **changes}


def test_a_system_administrator_keeps_people_but_gives_no_rights(
    system_administrator: User, town: Town, client: Client
) -> None:
    client.force_login(system_administrator)
    group = Group.objects.create(name="all")
    for person in (town.people.leader, system_administrator):
        path = f"/admin/staff/user/{person.pk}/change/"
        was = person.is_staff
        page = client.get(path).text
        assert 'name="phone"' in page and 'name="is_superuser"' not in page
        assert client.post(path, sent(person, phone="13800000000", groups=[group.pk], **RIGHTS)).status_code == 302
        person.refresh_from_db()
        assert (person.phone, person.is_staff, person.is_superuser) == ("13800000000", was, False)
        assert not person.groups.exists()
    made = {"username": "g99998", "name": "新人", **PASSWORDS, **RIGHTS}
    assert client.post("/admin/staff/user/add/", made).status_code == 302
    assert not User.objects.get(username="g99998").is_staff
    assert client.post(f"/admin/staff/user/{town.people.leader.pk}/password/", PASSWORDS).status_code == 302


def test_a_system_administrator_cannot_take_over_another_administrator(
    system_administrator: User, town: Town, client: Client
) -> None:
    client.force_login(system_administrator)
    for other in (town.people.admin, user("郑审计", is_staff=True)):
        path = f"/admin/staff/user/{other.pk}"
        assert client.get(f"{path}/change/").status_code == 200
        assert client.post(f"{path}/change/", sent(other, username="mine")).status_code == 403
        assert client.post(f"{path}/password/", PASSWORDS).status_code == 403
        other.refresh_from_db()
        assert other.username != "mine" and other.check_password(PASSWORD)
    group = Group.objects.create(name="all")
    for path in ("", "add/", f"{group.pk}/change/"):
        assert client.get(f"/admin/auth/group/{path}").status_code == 403


def test_a_superuser_gives_rights(town: Town, client: Client) -> None:
    client.force_login(town.people.admin)
    group = Group.objects.create(name="people")
    person = town.people.leader
    rights = {"is_staff": "on", "groups": [group.pk]}
    assert client.post(f"/admin/staff/user/{person.pk}/change/", sent(person, **rights)).status_code == 302
    person.refresh_from_db()
    assert person.is_staff and list(person.groups.all()) == [group]
    assert client.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200
