"""“Why did it go there?” has an answer on every issue, in both languages, on pages and in the API."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.issues.models import Issue, IssueEvent, Power
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.timeline import BY_PEOPLE, timeline
from apps.issues.selectors.whys import MOVING, why_there
from apps.issues.services.moves import MoveFields, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.workflow import MOVES, Give, Target
from apps.staff.models import Department, Role, User
from tests.factories import NOW, Town, staffed
from tests.issues.reports import filed, fresh, rule

LATER = NOW + timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _that_wednesday(db: None) -> Iterator[None]:
    forget_catalogue()
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        yield


def routed(town: Town, category: str = "rubbish") -> Issue:
    issue = filed(town, getattr(town.categories, category))
    route_waiting(now=LATER)
    return fresh(issue)


def why(issue: Issue, language: str = "en") -> tuple[str, ...]:
    events = list(IssueEvent.objects.filter(issue=issue).select_related("actor").order_by("seq"))
    ids = [event.holder_department_id for event in events if event.holder_department_id]
    with translation.override(language):
        return why_there(events, timeline(events, Department.objects.in_bulk(ids), ())).sentences


def test_hops_the_power_that_counted_and_every_rule_asked(town: Town) -> None:
    rule(name="消防", order=1, to_tier=0, category=town.categories.fire)
    rule(name="通信", order=2, to_tier=1, area=town.other_community)
    rule(name="停用的", order=3, to_tier=0, is_active=False)
    assert why(routed(town)) == (
        "It goes up from 园田社区第九网格 to 园田社区: Beyond the powers of 园田社区第九网格.",
        "It goes up from 园田社区 to 花园路街道: Beyond the powers of 园田社区.",
        "It goes up from 花园路街道 to 金水区: Beyond the powers of 花园路街道.",
        "By the powers: Building rubble · District · a department like Zhengzhou Urban Management.",
        "Of rule set 1, rules asked: 3.",
        "The rule “消防” is for another category.",
        "The rule “通信” is for another area.",
        "The rule “停用的” would have held, but is switched off.",
    )


def test_the_rule_that_decided_comes_first(town: Town) -> None:
    rule(name="加急", order=1, to_tier=0, is_urgent=True)
    rule(name="噪音", order=2, to_tier=2, category=town.categories.noise)
    sentences = why(routed(town, "noise"))
    assert sentences[0] == "It goes up from 园田社区第九网格 to 花园路街道: By the rule “噪音”."
    assert sentences[-2:] == ("The rule “噪音” holds: it decided.", "The rule “加急” asks for another urgency.")


def test_seconded_staff_are_named_in_the_reader_s_language(town: Town) -> None:
    Power.objects.filter(category=town.categories.rubbish, tier=2).update(department_kind="chengguan")
    staffed("朱下沉", town.community, Role.HANDLER, town.departments.chengguan)
    issue = routed(town)
    assert why(issue)[2] == (
        "It is assigned from 花园路街道 to Jinshui Urban Management: "
        "The seconded staff of Jinshui Urban Management handle it in 花园路街道."
    )
    assert (
        why(issue, "zh-hans")[2]
        == "由花园路街道直接交办给金水区城市管理局：由金水区城市管理局在花园路街道的下沉人员办理。"
    )


def move(issue: Issue, name: str, actor: User, text: str = "", **fields: Any) -> None:
    version = fresh(issue).version
    make_move(move=name, issue_id=issue.id, version=version, actor=actor, fields=MoveFields(text, **fields), now=LATER)


def test_what_people_did_since_is_told_and_what_never_moved_has_an_answer_too(town: Town) -> None:
    issue = routed(town)
    move(issue, "report_up", town.people.dispatcher, "请市里定")
    assert why(issue)[3] == "Since then: 陈派遣 of 金水区 reported it up to 郑州市."
    assert why(filed(town, town.categories.noise)) == ("It waits for its route: a moment only.",)
    on_the_spot = filed(town, town.categories.noise, is_self_handled=True, result="已劝导")
    assert why(on_the_spot) == ("It was solved where it was seen, so it went nowhere.",)


def test_every_move_of_the_table_that_sends_an_issue_somewhere_is_told() -> None:
    sends = {name for name, row in MOVES.items() if row.target not in (Target.STAYS, Target.NOBODY)}
    assert {"transfer", "adjudicate", "reopen", "unmerge"} <= sends <= MOVING & BY_PEOPLE.keys()


def since(issue: Issue) -> tuple[str, str]:
    """What is said of the time after routing, in both languages."""
    english, chinese = why(issue)[3], why(issue, "zh-hans")[3]
    assert (english[:12], chinese[:3]) == ("Since then: ", "此后：")
    return english, chinese


def with_the_department(town: Town) -> Issue:
    issue = routed(town)
    move(issue, "assign", town.people.dispatcher, "请办", to_department_id=town.departments.chengguan.id)
    return issue


def test_a_transfer_is_told(town: Town) -> None:
    issue = with_the_department(town)
    other = town.departments.gongshang.id
    move(issue, "transfer", town.people.dispatcher, "属工商", to_department_id=other)
    assert since(issue) == (
        "Since then: 陈派遣 took it from Jinshui Urban Management and gave it to Jinshui Market Supervision.",
        "此后：陈派遣将其由金水区城市管理局改派给金水区工商局。",
    )


def test_a_ruling_is_told(town: Town) -> None:
    issue = with_the_department(town)
    move(issue, "return", town.people.handler, "不属城管")
    other = town.departments.gongshang.id
    move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", to_department_id=other)
    assert since(issue) == (
        "Since then: 杨市台 ruled: Jinshui Market Supervision handles it.",
        "此后：杨市台裁决：由金水区工商局办理。",
    )


def test_opening_again_is_told(town: Town) -> None:
    issue = with_the_department(town)
    move(issue, "sign", town.people.handler)
    move(issue, "feed_back", town.people.handler, "已清运")
    move(issue, "conclude", town.people.dispatcher)
    move(issue, "reopen", town.people.dispatcher, "还有一堆")
    assert since(issue) == (
        "Since then: 陈派遣 opened it again; Jinshui Urban Management goes on with it.",
        "此后：陈派遣重开，由金水区城市管理局继续办理。",
    )


def test_separating_it_again_is_told(town: Town) -> None:
    main, double = routed(town), routed(town)
    move(double, "merge", town.people.dispatcher, given={Give.INTO: main.number})
    assert since(double)[0] == f"Since then: 陈派遣 merged it into {main.number}, the same matter."
    move(double, "unmerge", town.people.dispatcher, "不是同一处")
    assert since(double) == (
        "Since then: 陈派遣 separated it again; 金水区 goes on with it.",
        "此后：陈派遣取消合并，由金水区继续办理。",
    )


def test_a_platform_that_keeps_it_is_told_but_no_note_on_the_way(town: Town) -> None:
    issue = routed(town)
    move(issue, "handle", town.people.dispatcher)
    assert since(issue)[0] == "Since then: 陈派遣 is handling it at 金水区."
    passed_on = with_the_department(town)
    move(passed_on, "sign", town.people.handler)
    move(passed_on, "handle", town.people.handler, "车已出发")
    assert since(passed_on)[0] == "Since then: 陈派遣 of 金水区 assigned it to Jinshui Urban Management."


def test_a_history_from_before_traces_were_kept_still_has_its_reasons(town: Town) -> None:
    events = list(IssueEvent.objects.filter(issue=routed(town)).select_related("actor").order_by("seq"))
    del events[-1].payload["trace"]
    with translation.override("en"):
        assert len(why_there(events, timeline(events, {}, ())).sentences) == 3


def test_rules_of_a_set_long_retired_are_named_with_one_query(town: Town) -> None:
    old = rule(name="旧规则", to_tier=2)
    issue = routed(town)
    type(old.rule_set).objects.update(state="retired")
    forget_catalogue()
    with CaptureQueriesContext(connection) as queries:
        assert "The rule “旧规则” holds: it decided." in why(issue)
    assert len([query for query in queries if "routingrule" in query["sql"] and " IN " in query["sql"]]) == 1


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_pane_the_phone_and_the_api_tell_it(town: Town, language: str) -> None:
    issue = routed(town)
    said = {"en": "Why did it go there?", "zh-hans": "为什么到了这里？"}[language]
    first = why(issue, language)[0]
    for person, page in (
        (town.people.dispatcher, f"/i/{issue.number}/"),
        (town.people.member, f"/m/issue/{issue.number}/"),
    ):
        client = Client()
        client.force_login(person)
        client.cookies["django_language"] = language
        html = client.get(page).text
        assert said in html
        assert f"<li>{first}</li>" in html
        body = client.get(f"/api/v1/issues/{issue.number}/").json()
        assert body["why"] == list(why(issue, language))
