"""What departments say that decline an issue, and the ruling on it: together, each dispute on its own."""

import html
from typing import Any

import pytest
from django.test import Client

from apps.issues.models import Issue
from apps.issues.serializers import DisputeOut
from apps.staff.models import Department, Role, User
from tests.factories import Town, staffed
from tests.issues.test_api import client, names, shape
from tests.issues.test_moves import filed, move

ASKED, FIRST, SECOND, THIRD = "请补充位置", "不属城管职责", "无照经营才属工商", "不属环保职责"
RULING = "依据职责清单，" + "建筑垃圾由城管清运，" * 15 + "到此为止"  # longer than a notice quotes


def disputed(town: Town) -> Issue:
    """Sent back to its cell for the place, then declined by two departments."""
    issue = move(filed(town), "return", town.people.dispatcher, ASKED)
    issue = move(move(issue, "sign", town.people.leader), "feed_back", town.people.leader, "位置已补充")
    for department, handler, reason in (
        (town.departments.chengguan, town.people.handler, FIRST),
        (town.departments.gongshang, town.people.other_handler, SECOND),
    ):
        issue = move(issue, "assign", town.people.dispatcher, "请办理", to_department_id=department.id)
        issue = move(issue, "return", handler, reason)
    return issue


def ruled(town: Town) -> Issue:
    """The same, ruled on."""
    own = town.departments.chengguan.id
    return move(disputed(town), "adjudicate", town.people.dispatcher, RULING, to_department_id=own)


def disputed_again(town: Town) -> Issue:
    """The same, handled, and then declined by a third department."""
    third = Department.objects.create(
        code="410105-huanbao", kind="huanbao", name="金水区环保局", name_en="Jinshui Environment", grid=town.district
    )
    handler = staffed("施环保", town.district, Role.HANDLER, third)
    issue = move(move(ruled(town), "sign", town.people.handler), "feed_back", town.people.handler, "已清运")
    issue = move(issue, "assign", town.people.dispatcher, "请核查扬尘", to_department_id=third.id)
    return move(issue, "return", handler, THIRD)


def told(issue: Issue, who: User) -> list[tuple[list[str], str | None]]:
    """The words of each dispute, as the API tells them: reasons and ruling."""
    body: Any = client(who).get(f"/api/v1/issues/{issue.number}/").json()
    assert not body["disputes"] or names(body["disputes"]) == shape(DisputeOut(many=True), body["disputes"])
    return [
        ([line["words"] for line in one["reasons"]], one["ruling"] and one["ruling"]["words"])
        for one in body["disputes"]
    ]


def blocks(issue: Issue, who: User, address: str, language: str = "en") -> list[str]:
    """The disputes on a page."""
    browser = Client(headers={"Accept-Language": language})
    browser.force_login(who)
    answer = browser.get(address.format(issue.number))
    assert answer.status_code == 200
    return [piece.split("</section>")[0] for piece in html.unescape(answer.text).split("<section data-dispute")[1:]]


def test_only_departments_decline_and_only_since_the_last_ruling(town: Town) -> None:
    issue = disputed(town)
    assert told(issue, town.people.dispatcher) == [([FIRST, SECOND], None)]
    own = town.departments.chengguan.id
    issue = move(issue, "adjudicate", town.people.dispatcher, RULING, to_department_id=own)
    assert told(issue, town.people.leader) == [([FIRST, SECOND], RULING)]


def test_a_second_dispute_stands_beside_the_settled_one(town: Town) -> None:
    issue = disputed_again(town)
    settled, unsettled = [FIRST, SECOND], [THIRD]
    assert told(issue, town.people.dispatcher) == [(settled, RULING), (unsettled, None)]
    issue = move(
        issue, "adjudicate", town.people.city_dispatcher, "仍由城管", to_department_id=town.departments.chengguan.id
    )
    assert told(issue, town.people.dispatcher) == [(settled, RULING), (unsettled, "仍由城管")]


def test_what_was_declined_once_and_ended_without_a_ruling_is_no_dispute_any_more(town: Town) -> None:
    issue = disputed(town)
    move(issue, "cancel", town.people.dispatcher, "同一天误报")
    assert told(issue, town.people.dispatcher) == []


@pytest.mark.parametrize("address", ["/i/{}/", "/m/issue/{}/"])
def test_parties_and_reporter_read_reasons_and_ruling_together(town: Town, address: str) -> None:
    issue = disputed_again(town)
    for who in (town.people.leader, town.people.handler, town.people.other_handler, town.people.dispatcher):
        settled, unsettled = blocks(issue, who, address)
        assert "Declined, and ruled on" in settled
        assert all(words in settled for words in (FIRST, SECOND, RULING))
        assert "What those say who declined it" in unsettled
        assert THIRD in unsettled and FIRST not in unsettled
        assert ASKED not in settled + unsettled
    assert "退办说法与裁决" in blocks(issue, town.people.leader, address, "zh-hans")[0]
