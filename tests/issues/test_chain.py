"""The chain of handovers, read as obligations: who waits, where it goes back to, who declined, who is bound."""

from hypothesis import given
from hypothesis import strategies as st

from apps.issues.workflow import (
    Holder,
    Link,
    LinkKind,
    assigners,
    declined_by,
    is_ruled,
    last_handled_by,
    reported_by,
    result_stands,
    was_returned_between,
    way_back,
)

CITY, DISTRICT, STREET, CELL = 1, 10, 100, 1000  # each is within the ones before
DEPARTMENT = Holder(DISTRICT, 7)


def is_within(cell: int, ancestor: int) -> bool:
    return cell >= ancestor


def link(kind: LinkKind, giver: Holder | int | None, taker: Holder | int, *, by_itself: bool = False) -> Link:
    def holder(value: Holder | int) -> Holder:
        return value if isinstance(value, Holder) else Holder(value)

    return Link(kind, None if giver is None else holder(giver), holder(taker), is_automatic=by_itself)


FILED = [
    link(LinkKind.COLLECT, None, CELL),
    link(LinkKind.REPORT_UP, CELL, STREET, by_itself=True),
    link(LinkKind.REPORT_UP, STREET, DISTRICT, by_itself=True),
]
ASSIGNED = [*FILED, link(LinkKind.ASSIGN, DISTRICT, DEPARTMENT)]


def test_who_assigns_waits_until_it_is_fed_back() -> None:
    assert assigners(ASSIGNED, is_within) == (Holder(DISTRICT),)
    fed = [*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]
    assert assigners(fed, is_within) == ()
    again = [*fed, link(LinkKind.REWORK, DISTRICT, DEPARTMENT)]
    assert assigners(again, is_within) == (Holder(DISTRICT),)


def test_a_result_stands_until_somebody_has_checked_it_however_far_it_climbs() -> None:
    fed = [*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]
    late = [*fed, link(LinkKind.ESCALATE, DISTRICT, CITY, by_itself=True)]
    assert [result_stands(links) for links in (ASSIGNED, fed, late)] == [False, True, True]
    assert assigners(late, is_within) == ()
    again = [*late, link(LinkKind.REWORK, CITY, DEPARTMENT)]
    late_again = [*again, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert [result_stands(links) for links in (again, late_again)] == [False, False]


def test_the_cell_for_which_routing_assigns_to_a_department_waits_and_gets_it_back() -> None:
    links = [*FILED[:2], link(LinkKind.ASSIGN, STREET, DEPARTMENT, by_itself=True)]
    assert assigners(links, is_within) == (Holder(STREET),)
    assert way_back(links, DEPARTMENT, is_within) == (Holder(STREET), False)
    fed = [*links, link(LinkKind.FEED_BACK, DEPARTMENT, STREET)]
    assert assigners(fed, is_within) == ()
    back = [*links, link(LinkKind.RETURN, DEPARTMENT, STREET)]
    assert assigners(back, is_within) == ()
    assert way_back(back, Holder(STREET), is_within) == (Holder(CELL), True)
    late = [*links, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert assigners(late, is_within) == ()


def test_what_routing_assigns_nobody_waits_for() -> None:
    links = [FILED[0], link(LinkKind.ASSIGN, CELL, STREET, by_itself=True)]
    assert assigners(links, is_within) == ()


def test_a_return_frees_the_assigner() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT)]
    assert assigners(links, is_within) == ()
    assert way_back(links, Holder(DISTRICT), is_within) == (Holder(CELL), True)


def test_who_is_late_loses_the_duty_with_all_that_was_owed_below() -> None:
    links = [*ASSIGNED, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert assigners(links, is_within) == ()
    assert way_back(links, Holder(DISTRICT), is_within) == (DEPARTMENT, True)


def test_what_the_city_waits_for_stays_owed_when_the_street_reports_up_to_the_district() -> None:
    links = [
        link(LinkKind.COLLECT, None, CELL),
        link(LinkKind.REPORT_UP, CELL, CITY, by_itself=True),
        link(LinkKind.ASSIGN, CITY, STREET),
        link(LinkKind.REPORT_UP, STREET, DISTRICT),
    ]
    assert assigners(links, is_within) == (Holder(CITY),)


def test_a_report_goes_back_past_untouched_hops_but_not_past_people() -> None:
    assert reported_by(FILED, Holder(DISTRICT)) == Holder(CELL)
    touched = [FILED[0], FILED[1], link(LinkKind.REPORT_UP, STREET, DISTRICT)]
    assert reported_by(touched, Holder(DISTRICT)) == Holder(STREET)
    assert reported_by(FILED[:1], Holder(CELL)) is None


def test_sent_back_down_the_sender_waits_for_the_result() -> None:
    links = [*FILED, link(LinkKind.RETURN, DISTRICT, CELL)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    assert way_back(links, Holder(CELL), is_within) == (Holder(DISTRICT), False)


def test_what_went_back_once_between_two_is_known_from_either_side_and_to_no_third() -> None:
    links = [*FILED, link(LinkKind.RETURN, DISTRICT, CELL)]
    assert was_returned_between(links, Holder(DISTRICT), Holder(CELL))
    assert was_returned_between(links, Holder(CELL), Holder(DISTRICT))
    assert not was_returned_between(links, Holder(STREET), Holder(DISTRICT))
    assert not was_returned_between(links, DEPARTMENT, Holder(DISTRICT))
    assert not was_returned_between(FILED, Holder(CELL), Holder(DISTRICT))


OTHER_DEPARTMENT = Holder(DISTRICT, 8)


def test_two_departments_decline_until_a_ruling_which_binds() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT)]
    assert declined_by(links) == (DEPARTMENT,)
    links += [link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT), link(LinkKind.RETURN, OTHER_DEPARTMENT, DISTRICT)]
    assert declined_by(links) == (DEPARTMENT, OTHER_DEPARTMENT)
    assert not is_ruled(links, is_within)
    links.append(link(LinkKind.ADJUDICATE, DISTRICT, DEPARTMENT))
    assert declined_by(links) == ()
    assert is_ruled(links, is_within)
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    links.append(link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT))
    assert is_ruled([*links, link(LinkKind.REWORK, DISTRICT, DEPARTMENT)], is_within)
    assert is_ruled([*links, link(LinkKind.REOPEN, DISTRICT, DEPARTMENT)], is_within)
    assert not is_ruled([*links, link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT)], is_within)
    assert not is_ruled([*links, link(LinkKind.ASSIGN, DISTRICT, DEPARTMENT)], is_within)


def test_a_ruling_binds_whom_it_names_and_not_the_desk_that_made_it() -> None:
    links = [*FILED, link(LinkKind.REPORT_UP, DISTRICT, CITY), link(LinkKind.ASSIGN, CITY, DISTRICT)]
    links += [link(LinkKind.ADJUDICATE, DISTRICT, DEPARTMENT), link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]
    links += [link(LinkKind.FEED_BACK, DISTRICT, CITY), link(LinkKind.REWORK, CITY, DISTRICT)]
    assert not is_ruled(links, is_within)
    assert is_ruled([*links, link(LinkKind.REWORK, DISTRICT, DEPARTMENT)], is_within)


def test_a_bound_cell_stays_bound_whatever_becomes_of_it_below() -> None:
    ruled = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT), link(LinkKind.ADJUDICATE, DISTRICT, STREET)]
    assert is_ruled(ruled, is_within)
    down = [*ruled, link(LinkKind.ASSIGN, STREET, DEPARTMENT)]
    assert not is_ruled(down, is_within)
    for back in (
        [link(LinkKind.RETURN, DEPARTMENT, STREET)],
        [link(LinkKind.TRANSFER, STREET, CELL), link(LinkKind.REPORT_UP, CELL, STREET)],
        [link(LinkKind.TRANSFER, STREET, CELL), link(LinkKind.ESCALATE, CELL, STREET, by_itself=True)],
    ):
        assert is_ruled([*down, *back], is_within)
    past = [*down, link(LinkKind.ESCALATE, DEPARTMENT, DISTRICT, by_itself=True)]
    assert not is_ruled([*past, link(LinkKind.RETURN, DISTRICT, STREET)], is_within)
    anew = [*ruled, link(LinkKind.FEED_BACK, STREET, DISTRICT), link(LinkKind.ASSIGN, DISTRICT, CELL)]
    assert not is_ruled([*anew, link(LinkKind.REPORT_UP, CELL, STREET)], is_within)


def test_who_keeps_it_for_itself_by_a_ruling_is_bound_too() -> None:
    ruled = [*ASSIGNED, link(LinkKind.ADJUDICATE, CITY, DISTRICT)]
    assert is_ruled([*ruled, link(LinkKind.ASSIGN, DISTRICT, DISTRICT)], is_within)


def test_the_work_is_whose_it_was_however_its_check_climbed() -> None:
    links = [*FILED[:2], link(LinkKind.ASSIGN, STREET, DEPARTMENT), link(LinkKind.FEED_BACK, DEPARTMENT, STREET)]
    links += [link(LinkKind.ESCALATE, STREET, DISTRICT, by_itself=True), link(LinkKind.FEED_BACK, DISTRICT, CITY)]
    assert last_handled_by(links) == DEPARTMENT
    kept = [*links[:-1], link(LinkKind.ASSIGN, DISTRICT, DISTRICT), links[-1]]
    assert last_handled_by(kept) == Holder(DISTRICT)


def test_who_rules_from_above_takes_over_what_was_owed_below() -> None:
    links = [*ASSIGNED, link(LinkKind.RETURN, DEPARTMENT, DISTRICT), link(LinkKind.ADJUDICATE, CITY, OTHER_DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(CITY),)


def test_who_unmerges_it_owes_the_result_neither_to_itself_nor_downward() -> None:
    links = [*ASSIGNED, link(LinkKind.UNMERGE, DEPARTMENT, DISTRICT)]
    assert assigners(links, is_within) == ()
    street = [*FILED[:2], link(LinkKind.ASSIGN, STREET, CELL), link(LinkKind.UNMERGE, CELL, DISTRICT)]
    assert assigners(street, is_within) == ()
    from_city = [*FILED, link(LinkKind.ASSIGN, CITY, DISTRICT), link(LinkKind.ASSIGN, DISTRICT, STREET)]
    assert assigners([*from_city, link(LinkKind.UNMERGE, STREET, DISTRICT)], is_within) == (Holder(CITY),)


def test_a_transfer_changes_who_owes_the_result_not_who_waits_for_it() -> None:
    links = [*ASSIGNED, link(LinkKind.TRANSFER, DISTRICT, OTHER_DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)
    assert way_back(links, OTHER_DEPARTMENT, is_within) == (Holder(DISTRICT), False)


def test_who_handled_it_last_is_the_first_who_fed_back_without_a_break() -> None:
    links = [
        *FILED,
        link(LinkKind.ASSIGN, CITY, DISTRICT),
        link(LinkKind.ASSIGN, DISTRICT, OTHER_DEPARTMENT),
        link(LinkKind.FEED_BACK, OTHER_DEPARTMENT, DISTRICT),
        link(LinkKind.ASSIGN, DISTRICT, DEPARTMENT),
    ]
    assert last_handled_by(FILED) is None
    assert last_handled_by(links) == OTHER_DEPARTMENT
    links += [link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT), link(LinkKind.FEED_BACK, DISTRICT, CITY)]
    assert last_handled_by(links) == DEPARTMENT


def test_who_opens_it_again_waits_for_the_result() -> None:
    links = [*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT), link(LinkKind.REOPEN, DISTRICT, DEPARTMENT)]
    assert assigners(links, is_within) == (Holder(DISTRICT),)


@given(st.lists(st.sampled_from([*ASSIGNED, link(LinkKind.FEED_BACK, DEPARTMENT, DISTRICT)]), max_size=12))
def test_any_chain_can_be_folded(links: list[Link]) -> None:
    assert len(assigners(links, is_within)) <= len(links)
