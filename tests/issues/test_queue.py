"""Pages, counts, captions and one issue's detail: order, cursors, and how many queries they take."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from apps.issues.models import Issue, State
from apps.issues.selectors.detail import detail
from apps.issues.selectors.numbers import id_in_number, issue_by_number
from apps.issues.selectors.queue import BadCursor, Filters, count_open, newest_page, queue_page
from apps.issues.selectors.wording import caption_text
from apps.issues.services.filing import Report, file_report
from apps.issues.services.routing import route_waiting
from apps.staff.models import Role, User
from apps.staff.selectors import Scope, scope_of
from tests.factories import NOW, Town, end_posts, inside
from tests.issues.test_moves import assigned, fed_back, filed, move


def scope(person: User) -> Scope:
    return scope_of(person.id, NOW)


def file_some(town: Town, count: int) -> list[Issue]:
    """Rubble, filed a minute apart, routed to the district."""
    lon, lat = inside(town.cell)
    report = Report(category_id=town.categories.rubbish.id, lon=lon, lat=lat)
    made = [
        file_report(reporter=town.people.leader, report=report, now=NOW + timedelta(minutes=n)).issue
        for n in range(count)
    ]
    for n, _issue in enumerate(made):
        route_waiting(now=NOW + timedelta(minutes=n), filed_before=NOW + timedelta(minutes=n, seconds=1))
    return list(Issue.objects.order_by("id"))


def test_the_queue_goes_through_every_issue_once_by_time_left(town: Town) -> None:
    made = file_some(town, 7)
    assert len({issue.due_at for issue in made}) == 7
    seen: list[int] = []
    after = None
    for _ in range(4):
        page = queue_page(scope(town.people.dispatcher), at=NOW, after=after, size=2)
        seen += [row.id for row in page.rows]
        after = page.next_cursor
    assert seen == [issue.id for issue in made]
    assert after is None


def test_issues_due_at_the_same_moment_are_not_lost_between_pages(town: Town) -> None:
    for _ in range(5):
        filed(town)
    assert Issue.objects.values("due_at").distinct().count() == 1
    first = queue_page(scope(town.people.dispatcher), at=NOW, size=3)
    rest = queue_page(scope(town.people.dispatcher), at=NOW, size=3, after=first.next_cursor)
    assert len({row.id for row in first.rows} | {row.id for row in rest.rows}) == 5


def test_the_newest_come_first_concluded_ones_too(town: Town) -> None:
    old = move(fed_back(town), "conclude", town.people.dispatcher)
    new = filed(town)
    page = newest_page(scope(town.people.dispatcher), at=NOW, size=1)
    assert [row.id for row in page.rows] == [new.id]
    rest = newest_page(scope(town.people.dispatcher), at=NOW, size=1, after=page.next_cursor)
    assert [row.id for row in rest.rows] == [old.id]
    assert [row.id for row in queue_page(scope(town.people.dispatcher), at=NOW).rows] == [new.id]


@pytest.mark.parametrize("who", ["dispatcher", "city_dispatcher", "handler", "leader", "community_leader"])
def test_a_page_takes_as_many_queries_with_one_row_as_with_three(town: Town, who: str) -> None:
    seen = scope(getattr(town.people, who))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            for page in (queue_page(seen, at=NOW), newest_page(seen, at=NOW)):
                for row in page.rows:
                    caption_text(row)
                    str(row.holder_department or row.holder_grid)
        assert page.rows
        return len(captured)

    assigned(town)
    one = queries()
    assigned(town), assigned(town)
    assert queries() == one == 4


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "WyJhIiwxXQ", "WzFd", "WyIyMDI2LTAxLTAxIiwxXQ", "W10", "_" * 5000, "\x00", "é"]
)
def test_a_broken_cursor_is_refused(town: Town, cursor: str) -> None:
    with pytest.raises(BadCursor):
        queue_page(scope(town.people.dispatcher), at=NOW, after=cursor)


def test_filters_narrow_the_queue(town: Town) -> None:
    rubble, lamp = filed(town), filed(town, "lamp", town.other_cell)
    far = filed(town, "rubbish", town.far_cell)
    seen = scope(town.people.city_dispatcher)

    def found(**filters: object) -> set[int]:
        return {row.id for row in queue_page(seen, Filters(**filters), at=NOW).rows}  # type: ignore[arg-type]

    assert found() == {rubble.id, lamp.id, far.id}
    assert found(state=State.ESCALATED) == {rubble.id, far.id}
    assert found(grid_id=town.district.id) == {rubble.id, lamp.id}
    assert found(grid_id=town.other_community.id) == {lamp.id}
    assert found(category_id=town.categories.lamp.id) == {lamp.id}
    assert found(is_overdue=True) == set()
    assert found(words="西福民") == {far.id}
    assert found(words=rubble.number) == {rubble.id}
    assert found(words="100%_") == set()
    assert found(mine=True) == set()
    late = queue_page(seen, Filters(is_overdue=True), at=NOW + timedelta(days=9))
    assert {row.id for row in late.rows} == {rubble.id, lamp.id, far.id}


def test_mine_is_what_my_posts_hold(town: Town) -> None:
    at_district, with_department = filed(town), assigned(town)
    mine = Filters(mine=True)
    assert [r.id for r in queue_page(scope(town.people.dispatcher), mine, at=NOW).rows] == [at_district.id]
    assert [r.id for r in queue_page(scope(town.people.handler), mine, at=NOW).rows] == [with_department.id]
    assert queue_page(scope(town.people.viewer), mine, at=NOW).rows == ()


def test_mine_is_also_what_lies_with_a_vacant_cell_below(town: Town) -> None:
    issue = filed(town, "noise")
    mine = Filters(mine=True)
    assert queue_page(scope(town.people.community_leader), mine, at=NOW).rows == ()
    end_posts(town.cell, Role.LEADER)
    assert [r.id for r in queue_page(scope(town.people.community_leader), mine, at=NOW).rows] == [issue.id]


def test_open_issues_are_counted_up_to_a_thousand(town: Town) -> None:
    assert count_open(scope(town.people.dispatcher), at=NOW) == 0
    filed(town), filed(town)
    assert count_open(scope(town.people.dispatcher), at=NOW) == 2
    assert count_open(scope(town.people.far_dispatcher), at=NOW) == 0


def test_the_caption_reads_like_the_articles(town: Town) -> None:
    issue = queue_page(scope(town.people.dispatcher), at=NOW).rows or (filed(town),)
    row = queue_page(scope(town.people.dispatcher), at=NOW).rows[0]
    assert row.id == issue[0].id
    with translation.override("zh-hans"):
        assert caption_text(row) == "园田社区第九网格长发来信息,有建筑垃圾未清运"
    with translation.override("en"):
        assert caption_text(row) == "The leader of 园田社区第九网格 reports: rubble is not removed"


def test_one_issue_is_read_in_a_fixed_number_of_queries(town: Town) -> None:
    issue = fed_back(town)
    seen = scope(town.people.second_dispatcher)
    with CaptureQueriesContext(connection) as queries:
        found = detail(issue.number, seen, NOW)
    assert found is not None and len(queries) == 9
    assert [move.name for move in found.moves] == ["assign", "conclude", "rework", "cancel", "note"]
    targets = found.targets["assign"]
    assert targets.suggested == town.departments.chengguan
    assert targets.departments == (town.departments.chengguan, town.departments.gongshang)
    assert [cell.id for cell in targets.cells] == [town.street.id, town.community.id, town.cell.id]
    assert found.holder == "金水区"
    assert found.open_handover is not None


def test_history_is_told_in_both_languages(town: Town) -> None:
    issue = fed_back(town)
    seen = scope(town.people.second_dispatcher)
    with translation.override("en"):
        found = detail(issue.number, seen, NOW)
    assert found is not None
    assert [line.sentence for line in found.lines][-4:] == [
        "陈派遣 signed for it at 金水区",
        "陈派遣 of 金水区 assigned it to Jinshui Urban Management",
        "朱城管 signed for it at Jinshui Urban Management",
        "朱城管 of Jinshui Urban Management fed back to 金水区",
    ]
    assert found.lines[-1].words == "已清运"
    assert found.lines[1].reason == "Beyond the powers of 园田社区第九网格"


def test_a_number_is_known_only_as_a_whole(town: Town) -> None:
    issue = filed(town)
    seen = scope(town.people.dispatcher)
    assert issue_by_number(issue.number, seen) == issue
    assert issue_by_number(f"20200101-{issue.id:06d}", seen) is None
    assert detail(f"20200101-{issue.id:06d}", seen, NOW) is None
    for wrong in ("", "x", str(issue.id), "20261118-999999999999999999999", "20261118-٠٠٠٠٠١", "20261118-1"):
        assert id_in_number(wrong) is None
