"""Who has it next where that is disputed: transfer, declining, ruling, and whose clock goes on."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.issues.models import Issue, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.targets import HoldsItAlready
from apps.issues.services.escalation import sweep
from apps.issues.workflow import LinkKind, MoveRefused, NotForYou
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town
from tests.issues.test_branches import texts_for
from tests.issues.test_moves import assigned, filed, handled, move


@pytest.fixture(autouse=True)
def _every_promise_holds_afterwards(db: None) -> Any:
    yield
    assert [str(finding) for finding in check_invariants(now=NOW + timedelta(minutes=5)).findings] == []


def test_the_assigner_gives_it_to_somebody_else_and_still_waits(town: Town) -> None:
    other = town.departments.gongshang
    issue = move(handled(town), "transfer", town.people.dispatcher, "属工商", to_department_id=other.id)
    assert (issue.state, issue.holder_department) == (State.ASSIGNED, other)
    last = issue.handovers.order_by("id").last()
    assert last is not None
    assert (last.kind, last.from_grid, last.from_department) == (LinkKind.TRANSFER, town.district, None)
    issue = move(issue, "sign", town.people.other_handler)
    issue = move(issue, "feed_back", town.people.other_handler, "已取缔")
    assert (issue.state, issue.holder_grid, issue.holder_department) == (State.FED_BACK, town.district, None)
    assert "Report %(number)s of %(cell)s was given to somebody else" in texts_for(town.people.handler)


@pytest.mark.parametrize("who", ["handler", "street_leader", "inspector", "leader"])
def test_nobody_but_the_assigner_transfers(town: Town, who: str) -> None:
    with pytest.raises(NotForYou):
        move(
            handled(town),
            "transfer",
            getattr(town.people, who),
            "属工商",
            to_department_id=town.departments.gongshang.id,
        )


def test_whoever_has_it_gets_no_new_clock_by_a_transfer_to_itself(town: Town) -> None:
    issue = handled(town)
    own = town.departments.chengguan.id
    with pytest.raises(HoldsItAlready) as refused:
        move(issue, "transfer", town.people.dispatcher, "再给一次", minutes=200, to_department_id=own)
    assert "金水区城市管理局" in str(refused.value)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    offered = seen.targets["transfer"]
    assert town.departments.chengguan not in (*offered.departments, offered.suggested)
    assert town.departments.gongshang in offered.departments


def test_a_cell_below_is_not_given_to_itself_either(town: Town) -> None:
    issue = move(filed(town), "assign", town.people.dispatcher, "请到场", to_grid_id=town.street.id)
    with pytest.raises(HoldsItAlready):
        move(issue, "transfer", town.people.dispatcher, "再给一次", to_grid_id=town.street.id)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert [cell.id for cell in seen.targets["transfer"].cells] == [town.community.id, town.cell.id]


def test_transferred_away_and_back_it_goes_on_with_what_it_had_left(town: Town) -> None:
    issue = handled(town)  # 4 work hours, from 10:05
    due = issue.due_at
    assert due is not None
    other, own = town.departments.gongshang.id, town.departments.chengguan.id
    issue = move(issue, "transfer", town.people.dispatcher, "属工商", minutes=65, to_department_id=other)
    issue = move(issue, "transfer", town.people.dispatcher, "属城管", minutes=66, to_department_id=own)
    assert issue.due_at == due + timedelta(minutes=1)


def test_ruled_to_be_its_own_it_goes_on_with_the_clock_that_runs(town: Town) -> None:
    issue, other = move(declined_once(town), "sign", town.people.other_handler), town.departments.gongshang.id
    clock = (issue.due_at, issue.next_action_at, issue.handovers.get(ended_at=None).rung_at)
    ruling = "依据职责清单由工商办理"
    issue = move(issue, "adjudicate", town.people.city_dispatcher, ruling, minutes=45, to_department_id=other)
    held = issue.handovers.get(ended_at=None)
    assert (issue.state, issue.holder_department, held.kind) == (
        State.ASSIGNED,
        town.departments.gongshang,
        LinkKind.ADJUDICATE,
    )
    assert (issue.due_at, issue.next_action_at, held.rung_at) == clock


def declined_once(town: Town) -> Issue:
    """Urban management has declined it; market supervision has it now."""
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    return move(issue, "assign", town.people.dispatcher, "请工商核实", to_department_id=town.departments.gongshang.id)


def declined_twice(town: Town) -> Issue:
    return move(declined_once(town), "return", town.people.other_handler, "无照经营才属工商")


def test_after_two_declines_only_a_ruling_moves_it_and_the_ruling_binds(town: Town) -> None:
    issue = declined_twice(town)
    own = town.departments.chengguan.id
    with pytest.raises(MoveRefused):
        move(issue, "assign", town.people.dispatcher, "再办", to_department_id=own)
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert "assign" not in [row.name for row in seen.moves]
    ruling = "依据职责清单，建筑垃圾由城管清运"
    issue = move(issue, "adjudicate", town.people.dispatcher, ruling, to_department_id=own)
    assert (issue.state, issue.holder_department) == (State.ASSIGNED, town.departments.chengguan)
    with pytest.raises(MoveRefused):
        move(issue, "return", town.people.handler, "仍不属城管")
    told = "A ruling was made on report %(number)s of %(cell)s: %(text)s"
    assert told in texts_for(town.people.other_handler)
    assert told in texts_for(town.people.leader)
    assert "Report %(number)s of %(cell)s is yours by a ruling: %(text)s" in texts_for(town.people.handler)
    issue = move(issue, "sign", town.people.handler)
    issue = move(issue, "feed_back", town.people.handler, "已清运")
    assert move(issue, "conclude", town.people.dispatcher).state == State.CONCLUDED


def test_a_superior_may_rule_after_the_first_decline_the_platform_may_not(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    with pytest.raises(MoveRefused):
        move(issue, "adjudicate", town.people.dispatcher, "由工商办理", to_department_id=other)
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", to_department_id=other)
    assert issue.holder_department == town.departments.gongshang
    last = issue.handovers.order_by("id").last()
    assert last is not None
    assert last.from_grid == town.city
    issue = move(issue, "sign", town.people.other_handler)
    issue = move(issue, "feed_back", town.people.other_handler, "已办")
    assert issue.holder_grid == town.city  # who ruled waits for the result


def test_after_two_declines_the_platform_does_not_send_it_down_again_either(town: Town) -> None:
    issue = declined_twice(town)
    with pytest.raises(MoveRefused, match="裁决"):
        move(issue, "return", town.people.dispatcher, "请网格补充")
    seen = detail(issue.number, scope_of(town.people.dispatcher.id, NOW), NOW)
    assert seen is not None
    assert {"adjudicate", "report_up"} <= {row.name for row in seen.moves}


def test_a_ruling_binds_a_cell_until_it_feeds_back_is_late_or_a_superior_rules_again(town: Town) -> None:
    issue = declined_twice(town)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由网格自行处理", to_grid_id=town.cell.id)
    issue = move(issue, "sign", town.people.leader)
    for name in ("report_up", "return"):
        with pytest.raises(MoveRefused, match="裁决"):
            move(issue, name, town.people.leader, "无力处理")
    with pytest.raises(MoveRefused):  # the desk that ruled does not rule twice
        move(issue, "adjudicate", town.people.dispatcher, "由社区办理", to_grid_id=town.community.id)
    own = town.departments.chengguan.id
    again = move(issue, "adjudicate", town.people.city_dispatcher, "由城管办理", to_department_id=own)
    assert again.holder_department == town.departments.chengguan


def test_the_sweep_takes_what_is_late_from_a_cell_that_a_ruling_binds(town: Town) -> None:
    issue = declined_twice(town)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由网格自行处理", to_grid_id=town.cell.id)
    sweep(now=NOW + timedelta(days=5))
    issue.refresh_from_db()
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.community)
    assert move(issue, "report_up", town.people.community_leader, "无力处理", minutes=60 * 24 * 5).is_open


def test_opened_again_it_is_still_held_by_the_ruling(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    other = town.departments.gongshang.id
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", to_department_id=other)
    issue = move(move(issue, "sign", town.people.other_handler), "feed_back", town.people.other_handler, "已取缔")
    issue = move(move(issue, "conclude", town.people.city_dispatcher), "reopen", town.people.leader, "又开张了")
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.gongshang)
    with pytest.raises(MoveRefused, match="裁决"):
        move(issue, "return", town.people.other_handler, "不属工商")


def test_the_platform_does_not_rule_after_one_decline_by_assigning_it_first(town: Town) -> None:
    issue = move(assigned(town), "return", town.people.handler, "不属城管职责")
    own, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(issue, "assign", town.people.dispatcher, "请工商核实", to_department_id=other)
    for person in (town.people.dispatcher, town.people.duty_chief):
        with pytest.raises(MoveRefused, match="争议"):
            move(issue, "adjudicate", person, "由工商办理", to_department_id=other)
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由城管办理", to_department_id=own)
    assert issue.holder_department == town.departments.chengguan


def test_the_district_may_rule_after_one_decline_where_a_street_waits(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "report_up", town.people.community_leader, "劝阻无效")
    own, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(issue, "assign", town.people.street_clerk, "请城管办理", to_department_id=own)
    issue = move(issue, "return", town.people.handler, "不属城管职责")
    issue = move(issue, "assign", town.people.street_clerk, "请工商办理", to_department_id=other)
    with pytest.raises(MoveRefused):
        move(issue, "adjudicate", town.people.street_clerk, "由城管办理", to_department_id=own)
    issue = move(issue, "adjudicate", town.people.dispatcher, "由城管办理", to_department_id=own)
    assert issue.holder_department == town.departments.chengguan


def offered(issue: Issue, person: User) -> set[str]:
    seen = detail(issue.number, scope_of(person.id, NOW), NOW)
    assert seen is not None
    return {row.name for row in seen.moves}


def test_the_desk_that_ruled_is_not_bound_by_its_own_ruling(town: Town) -> None:
    people, own = town.people, town.departments.chengguan.id
    issue = move(filed(town), "report_up", people.dispatcher, "请市里定夺")
    issue = move(issue, "assign", people.city_dispatcher, "请区里办理", to_grid_id=town.district.id)
    issue = move(issue, "sign", people.dispatcher)
    for department, handler in ((own, people.handler), (town.departments.gongshang.id, people.other_handler)):
        issue = move(issue, "assign", people.dispatcher, "请核实", to_department_id=department)
        issue = move(issue, "return", handler, "不属本局")
    issue = move(issue, "adjudicate", people.dispatcher, "由城管办理", to_department_id=own)
    issue = move(move(issue, "sign", people.handler), "feed_back", people.handler, "已清运")
    issue = move(issue, "feed_back", people.dispatcher, "已清运")
    issue = move(issue, "rework", people.city_dispatcher, "仍有残留")
    assert (issue.state, issue.holder_grid) == (State.HANDLING, town.district)
    assert "report_up" in offered(issue, people.dispatcher)
    assert "transfer" in offered(issue, people.city_dispatcher)
    assert "adjudicate" not in offered(issue, people.city_dispatcher)


def test_a_street_bound_by_a_ruling_does_not_shake_it_off_by_assigning_it(town: Town) -> None:
    issue = move(declined_twice(town), "adjudicate", town.people.dispatcher, "由街道办理", to_grid_id=town.street.id)
    issue = move(issue, "sign", town.people.street_clerk)
    own = town.departments.chengguan.id
    issue = move(issue, "assign", town.people.street_clerk, "请协助清运", to_department_id=own)
    issue = move(issue, "return", town.people.handler, "不属城管")
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.street)
    for name in ("report_up", "return"):
        with pytest.raises(MoveRefused, match="裁决"):
            move(issue, name, town.people.street_clerk, "无力处理")


def test_ruled_away_and_back_a_department_goes_on_with_what_it_had_left(town: Town) -> None:
    issue = move(filed(town, "noise"), "report_up", town.people.leader, "劝阻无效")
    issue = move(issue, "report_up", town.people.community_leader, "劝阻无效")
    own, other = town.departments.chengguan.id, town.departments.gongshang.id
    issue = move(issue, "assign", town.people.street_clerk, "请城管办理", to_department_id=own)
    issue = move(issue, "return", town.people.handler, "不属城管职责")
    issue = move(issue, "assign", town.people.street_clerk, "请工商办理", to_department_id=other)
    due = issue.due_at
    assert due is not None
    issue = move(issue, "adjudicate", town.people.dispatcher, "由城管办理", minutes=60, to_department_id=own)
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", minutes=61, to_department_id=other)
    assert issue.due_at == due + timedelta(minutes=1)


def test_ruled_to_be_its_own_it_is_not_reminded_twice(town: Town) -> None:
    issue, other = move(declined_once(town), "sign", town.people.other_handler), town.departments.gongshang.id
    due = issue.due_at
    assert due is not None
    sweep(now=due - timedelta(minutes=50))
    issue = move(issue, "adjudicate", town.people.city_dispatcher, "由工商办理", minutes=330, to_department_id=other)
    assert NOW + timedelta(minutes=330) < due == issue.due_at
    sweep(now=due - timedelta(minutes=20))
    assert issue.events.filter(kind="remind").count() == 1
    sweep(now=due)
    assert issue.events.filter(kind="overdue").count() == 1


def test_the_same_department_goes_on_with_what_it_had_left_another_one_starts_anew(town: Town) -> None:
    issue = handled(town)  # 4 work hours, from 10:05
    due = issue.due_at
    assert due is not None
    issue = move(issue, "return", town.people.handler, "不属城管", minutes=65)  # one hour used
    issue = move(
        issue, "assign", town.people.dispatcher, "属城管", minutes=95, to_department_id=town.departments.chengguan.id
    )
    assert issue.due_at == due + timedelta(minutes=30)
    issue = move(issue, "sign", town.people.handler, minutes=95)
    other = town.departments.gongshang.id
    issue = move(issue, "transfer", town.people.dispatcher, "改由工商", minutes=95, to_department_id=other)
    assert issue.due_at == datetime(2026, 11, 18, 17, 35, tzinfo=NOW.tzinfo)  # 4 work hours from 11:35


def test_long_after_signing_a_department_cannot_return_it(town: Town) -> None:
    issue = handled(town)
    with pytest.raises(MoveRefused):
        move(issue, "return", town.people.handler, "不属城管", minutes=60 * 30)
    assert move(issue, "return", town.people.handler, "不属城管", minutes=60).state == State.ESCALATED


@pytest.mark.parametrize("again", ["rework", "reopen"])
def test_what_comes_back_to_a_department_was_signed_for_before(town: Town, again: str) -> None:
    issue = move(handled(town), "feed_back", town.people.handler, "已清运", minutes=60)
    if again == "reopen":
        issue = move(issue, "conclude", town.people.dispatcher, minutes=61)
    issue = move(issue, again, town.people.dispatcher, "还有一堆", minutes=62)
    assert (issue.state, issue.holder_department) == (State.HANDLING, town.departments.chengguan)
    with pytest.raises(MoveRefused, match="签收时间已久"):
        move(issue, "return", town.people.handler, "不属城管", minutes=60 * 30)
    assert move(issue, "return", town.people.handler, "不属城管", minutes=63).state == State.ESCALATED
