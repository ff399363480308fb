"""Filing: what is written, what is refused, and what a repeated key does."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from apps.common.texts import TextTooLong, UnreadableText
from apps.grids.models import Grid
from apps.grids.selectors import OutsideCity
from apps.issues.models import Handover, Issue, IssueEvent, PositionSource, State
from apps.issues.selectors.timeline import timeline
from apps.issues.services.filing import (
    BadPosition,
    Filed,
    KeyReused,
    NoPlace,
    Report,
    ResultMissing,
    UnknownCategory,
    UnknownCell,
    file_report,
)
from apps.issues.services.routing import route_waiting
from apps.staff.models import Role
from tests.factories import NOW, Town, end_posts, inside, post
from tests.issues.reports import broken_chains


def report(town: Town, **changes: Any) -> Report:
    lon, lat = inside(town.cell)
    plain = Report(category_id=town.categories.rubbish.id, text="门口有建筑垃圾", lon=lon, lat=lat, accuracy_m=12.0)
    return replace(plain, **changes)


def file(town: Town, **changes: Any) -> Issue:
    return file_report(reporter=town.people.leader, report=report(town, **changes), now=NOW).issue


def test_a_report_is_held_by_the_cell_in_which_it_was_seen(town: Town) -> None:
    issue = Issue.objects.get(pk=file(town).pk)

    assert (issue.grid, issue.district, issue.holder_grid) == (town.cell, town.district, town.cell)
    assert (issue.state, issue.version, issue.number) == (State.COLLECTED, 1, f"20261118-{issue.id:06d}")
    assert issue.reporter_post is not None and issue.reporter_post.grid == town.cell
    handover = Handover.objects.get(issue=issue)
    assert (handover.kind, handover.due_at, handover.ended_at) == ("collect", issue.due_at, None)
    event = IssueEvent.objects.get(issue=issue)
    assert (event.seq, event.kind, event.state, event.actor) == (1, "file", "collected", town.people.leader)
    assert len(bytes(event.hash)) == 32


@pytest.mark.django_db(transaction=True)
def test_filing_is_one_statement_that_commits_itself(town: Town) -> None:
    file(town)  # caches are warm
    asked = report(town)
    with CaptureQueriesContext(connection) as queries:
        file_report(reporter=town.people.leader, report=asked, now=NOW)
    assert [query["sql"].split()[0] for query in queries] == ["EXECUTE"]


def test_of_several_posts_the_most_local_one_over_the_cell_reports(town: Town) -> None:
    leader = town.people.leader
    post(leader, town.district, Role.VIEWER)
    post(leader, town.far_cell, Role.MEMBER)
    post(leader, town.far_cell, Role.HANDLER, department=town.departments.far_chengguan)
    reported_from = {cell: file(town, grid_id=cell.pk).reporter_post for cell in (town.cell, town.far_cell)}
    assert {cell.code: (own.grid, own.role) for cell, own in reported_from.items() if own} == {
        town.cell.code: (town.cell, Role.LEADER),
        town.far_cell.code: (town.far_cell, Role.MEMBER),
    }


def test_over_a_cell_without_own_post_the_reporter_files_by_the_most_local_post(town: Town) -> None:
    post(town.people.leader, town.district, Role.HANDLER, department=town.departments.chengguan)
    issue = file(town, grid_id=town.far_cell.pk)
    assert issue.reporter_post is not None and issue.reporter_post.grid == town.cell


def test_a_post_that_has_ended_reports_nothing(town: Town) -> None:
    end_posts(town.cell, Role.LEADER)
    assert file(town).reporter_post_id is None


def test_what_was_filed_in_memory_is_what_the_database_holds(town: Town) -> None:
    filed = file(town, client_key="k")
    stored = Issue.objects.get(pk=filed.pk)
    assert {f.attname: getattr(filed, f.attname) for f in Issue._meta.concrete_fields} == {
        f.attname: getattr(stored, f.attname) for f in Issue._meta.concrete_fields
    }


def test_the_chosen_cell_counts_and_the_position_is_kept(town: Town) -> None:
    lon, lat = inside(town.cell)
    issue = file(town, grid_id=town.far_cell.id)
    assert (issue.grid_id, issue.lon, issue.lat) == (town.far_cell.id, lon, lat)
    assert issue.district_id == town.other_district.id


def test_a_position_outside_the_city_is_refused_with_the_nearest_cell(town: Town) -> None:
    with pytest.raises(OutsideCity) as refused:
        file(town, lon=113.0, lat=34.0)
    assert refused.value.nearest is not None
    assert not Issue.objects.exists()


def test_a_position_outside_the_city_is_accepted_with_a_chosen_cell(town: Town) -> None:
    issue = file(town, lon=113.0, lat=34.0, grid_id=town.cell.id)
    assert (issue.grid_id, issue.lon, issue.lat) == (town.cell.id, 113.0, 34.0)


def test_a_cell_alone_will_do(town: Town) -> None:
    issue = file(town, lon=None, lat=None, accuracy_m=None, grid_id=town.cell.id)
    assert issue.position_source == PositionSource.CELL


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"lon": None, "lat": None}, NoPlace),
        ({"lon": None}, BadPosition),
        ({"lon": float("nan")}, BadPosition),
        ({"lat": float("inf")}, BadPosition),
        ({"lon": 181.0}, BadPosition),
        ({"accuracy_m": float("nan")}, BadPosition),
        ({"accuracy_m": -1.0}, BadPosition),
        ({"category_id": 0}, UnknownCategory),
        ({"text": "a\x00b"}, UnreadableText),
        ({"text": "\ud83d"}, UnreadableText),
        ({"text": "字" * 5001}, TextTooLong),
        ({"is_self_handled": True, "result": "  "}, ResultMissing),
        ({"grid_id": 0}, UnknownCell),
    ],
)
def test_bad_input_is_refused_by_name(town: Town, changes: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal) as refused:
        file(town, **changes)
    assert str(refused.value)
    assert not Issue.objects.exists()


def test_classes_and_closed_cells_cannot_be_reported(town: Town) -> None:
    group = town.categories.rubbish.parent
    assert group is not None
    with pytest.raises(UnknownCategory):
        file(town, category_id=group.id)
    for grid in (town.community, town.street, town.district, town.city):
        with pytest.raises(UnknownCell):
            file(town, grid_id=grid.id)


def test_solved_on_the_spot_is_concluded_at_once(town: Town) -> None:
    issue = Issue.objects.get(pk=file(town, is_self_handled=True, result="已清走").pk)

    assert (issue.state, issue.closed_at, issue.version) == (State.CONCLUDED, NOW, 2)
    assert not Handover.objects.filter(issue=issue, ended_at=None).exists()
    events = IssueEvent.objects.filter(issue=issue).order_by("seq").values_list("kind", "state", "payload")
    assert list(events) == [("file", "collected", {}), ("self_handle", "concluded", {"text": "已清走"})]


def solved(town: Town, who: str, **changes: Any) -> Filed:
    asked = report(town, is_self_handled=True, result="已处理", **changes)
    return file_report(reporter=getattr(town.people, who), report=asked, now=NOW)


@pytest.mark.parametrize("who", ["member", "leader", "community_leader", "street_clerk", "dispatcher", "handler"])
def test_whoever_works_in_the_cell_or_above_it_may_solve_on_the_spot(town: Town, who: str) -> None:
    filed = solved(town, who)
    assert (filed.issue.state, filed.notice) == (State.CONCLUDED, "")


@pytest.mark.parametrize(
    "who", ["stranger", "next_leader", "far_leader", "far_handler", "former_dispatcher", "viewer", "inspector", "admin"]
)
def test_said_to_be_solved_by_anybody_else_it_goes_the_usual_way_with_the_words_kept(town: Town, who: str) -> None:
    filed = solved(town, who)
    assert str(filed.notice)
    route_waiting(now=NOW)
    issue = Issue.objects.get(pk=filed.issue.pk)
    assert (issue.state, issue.holder_grid, issue.is_self_handled) == (State.ESCALATED, town.district, False)
    first = IssueEvent.objects.get(issue=issue, seq=1)
    assert (first.kind, first.payload) == ("file", {"text": "已处理", "reason": "said_to_be_solved"})
    with override("zh-hans"):
        line = timeline([first], {}, ())[0]
        assert (line.words, line.reason) == ("已处理", "上报人称已当场解决，仍按程序核实")
    assert broken_chains() == []


def test_a_grave_matter_goes_to_the_city_whoever_says_that_it_is_solved(town: Town) -> None:
    filed = solved(town, "leader", category_id=town.categories.fire.id)
    assert filed.notice
    route_waiting(now=NOW)
    issue = Issue.objects.get(pk=filed.issue.pk)
    assert (issue.state, issue.holder_grid) == (State.ESCALATED, town.city)


def test_a_replay_says_again_that_it_is_checked(town: Town) -> None:
    first, again = (solved(town, "stranger", client_key="k1") for _ in range(2))
    assert (first.created, again.created, again.issue.pk) == (True, False, first.issue.pk)
    assert first.notice == again.notice != ""


def test_the_same_key_files_once(town: Town) -> None:
    first = file_report(reporter=town.people.leader, report=report(town, client_key="k1"), now=NOW)
    again = file_report(reporter=town.people.leader, report=report(town, client_key="k1"), now=NOW)
    assert (first.created, again.created) == (True, False)
    assert again.issue.pk == first.issue.pk
    assert Issue.objects.count() == IssueEvent.objects.count() == 1


def test_the_same_key_with_another_body_is_refused(town: Town) -> None:
    file(town, client_key="k1")
    with pytest.raises(KeyReused):
        file(town, client_key="k1", text="别的")


def test_two_people_may_use_the_same_key(town: Town) -> None:
    file(town, client_key="k1")
    other = file_report(reporter=town.people.member, report=report(town, client_key="k1"), now=NOW)
    assert other.created


def test_somebody_without_a_post_may_report(town: Town) -> None:
    filed = file_report(reporter=town.people.stranger, report=report(town), now=NOW)
    assert filed.issue.reporter_post_id is None


def test_a_shared_border_belongs_to_the_lower_code(town: Town) -> None:
    issue = file(town, lon=113.61, lat=34.705)
    assert Grid.objects.get(pk=issue.grid_id).code == "410105001001008"


def test_an_implausible_time_of_sight_is_dropped(town: Town) -> None:
    assert file(town, seen_at=NOW.replace(year=1970)).seen_at is None
    seen = NOW.replace(hour=9)
    assert file(town, seen_at=seen).seen_at == seen
