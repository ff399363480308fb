"""Which conditions of the table of moves hold: read from the chain of handovers and the history, never stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from apps.grids.selectors import tree
from apps.issues.deadlines import CannotCount, Limit, Unit, add_limit
from apps.issues.models import CoHandling, Handover, Issue
from apps.issues.selectors.calendar import work_calendar
from apps.issues.workflow import (
    By,
    Card,
    Condition,
    Deed,
    Holder,
    Link,
    LinkKind,
    State,
    assigners,
    declined_by,
    is_ruled,
    last_fed_back_by,
    result_stands,
    was_returned_between,
    way_back,
)
from apps.issues.workflow.deeds import MOST_EXTENSIONS, asked, did_the_work, extensions, has, open_appeal
from apps.issues.workflow.states import CITY_TIER, LOWEST_TIER
from apps.staff.selectors import PostInfo

DISPUTE = 2  # departments that have declined it; then only a ruling moves it (reference: domain §6)


@dataclass(frozen=True, slots=True)
class Told:
    """What was read of one issue's past: handovers oldest first, its events as deeds, the open joint handlings."""

    handovers: Sequence[Handover]
    deeds: Sequence[Deed]
    co_handlings: Sequence[CoHandling] = ()

    @property
    def open_handover(self) -> Handover | None:
        """Who holds it now; None when it is closed."""
        return next((row for row in self.handovers if row.ended_at is None), None)


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of handovers, read once: who waits, where a return goes, who declined."""

    holder: Holder
    links: Sequence[Link]
    waiting: tuple[Holder, ...]
    back: tuple[Holder, bool] | None
    fed_back_by: Holder | None
    declined: tuple[Holder, ...]

    @classmethod
    def of(cls, holder: Holder, links: Sequence[Link]) -> "Chain":
        """Read the chain of an issue that `holder` holds."""
        is_within = tree().is_within
        return cls(
            holder=holder,
            links=links,
            waiting=assigners(links, is_within),
            back=way_back(links, holder, is_within),
            fed_back_by=last_fed_back_by(links),
            declined=declined_by(links),
        )

    @property
    def assigner(self) -> Holder | None:
        """Whom the present holder feeds back to."""
        return self.waiting[-1] if self.waiting else None


def conditions(
    *, issue: Issue, chain: Chain, told: Told, user_id: int, posts: Mapping[By, PostInfo | None], at: datetime
) -> frozenset[Condition]:
    """Every condition that holds for this person now. A query more only for a split or merged issue."""
    facts = {
        **_of_chain(chain, posts, is_moving_up=issue.state == State.ESCALATED),
        **_of_clock(issue, told, at),
        **_of_deeds(told.deeds, user_id),
        **_of_end(issue, told.deeds, user_id, at),
    }
    return frozenset(condition for condition, holds in facts.items() if holds)


def _of_chain(chain: Chain, posts: Mapping[By, PostInfo | None], *, is_moving_up: bool) -> dict[Condition, bool]:
    tier, links, back = tree().cell(chain.holder.grid_id).tier, chain.links, chain.back
    was_returned = back is not None and was_returned_between(links, chain.holder, back[0])
    declines, ruled = len(chain.declined), is_ruled(links, tree().is_within)
    is_disputed = declines > 0 or ruled
    return {
        Condition.HELD_BY_CELL: chain.holder.department_id is None,
        Condition.HAS_CELLS_BELOW: tier < LOWEST_TIER,
        Condition.HAS_SUPERIOR: tier > CITY_TIER,
        Condition.HAS_WAY_BACK: back is not None,
        Condition.FIRST_RETURN: not was_returned,
        Condition.NOT_BINDING: not ruled,
        Condition.UNDISPUTED: declines < DISPUTE,
        Condition.TO_ADJUDICATE: declines >= DISPUTE or (is_disputed and _stands_above(chain, posts)),
        Condition.HAS_ASSIGNER: bool(chain.waiting),
        Condition.NO_ASSIGNER: not chain.waiting,
        Condition.RESULT_STANDS: result_stands(links),
        Condition.HAS_RESULT: not is_moving_up or result_stands(links),
        Condition.ANSWERS_TO_NOBODY: _answers_to_nobody(chain, posts),
    }


def _stands_above(chain: Chain, posts: Mapping[By, PostInfo | None]) -> bool:
    """Whether the person stands above the desk that waits, or above the holder's cell where none does.

    To belong to the desk that assigned it is not enough: the cell of a department, too, is set above it.
    """
    desk = (chain.assigner or chain.holder).grid_id
    above = [cell.id for cell in tree().chain(desk)][1:]
    return any(post.grid_id in above for by in (By.PLATFORM, By.SUPERIOR) if (post := posts.get(by)) is not None)


def _answers_to_nobody(chain: Chain, posts: Mapping[By, PostInfo | None]) -> bool:
    """Whether everybody who waits for a result does so at the person's own desk or below it."""
    desks = [post.grid_id for by, post in posts.items() if by in (By.PLATFORM, By.SUPERIOR) and post is not None]
    index = tree()
    return all(any(index.is_within(one.grid_id, desk) for desk in desks) for one in chain.waiting)


def _of_clock(issue: Issue, told: Told, at: datetime) -> dict[Condition, bool]:
    held = told.open_handover
    return {
        Condition.UNSIGNED: held is not None and held.signed_at is None,
        Condition.IN_TIME_TO_RETURN: held is None or _in_time_to_return(held, told, issue, at),
        Condition.IN_TIME: issue.due_at is not None and at < issue.due_at,
        Condition.HAS_CARD: issue.card != Card.NONE,
    }


def _in_time_to_return(held: Handover, told: Told, issue: Issue, at: datetime) -> bool:
    """A department may decline before it signs, or shortly after (domain §6); a cell at any time."""
    signed_at = _signed_at(held, told)
    if signed_at is None or held.to_department_id is None:
        return True
    limit = Limit(Decimal(settings.RETURN_WITHIN_WORK_HOURS), Unit.WORK_HOUR)
    try:
        return at <= add_limit(signed_at, limit, work_calendar(issue.district_id))
    except CannotCount:
        return True


def _signed_at(held: Handover, told: Told) -> datetime | None:
    """When the holder said that it is theirs. Nobody signs for what comes back to them: the signature before counts."""
    if held.signed_at is not None or held.kind not in (LinkKind.REWORK, LinkKind.REOPEN):
        return held.signed_at
    own = (row.signed_at for row in reversed(told.handovers) if row.to_department_id == held.to_department_id)
    return next((signed_at for signed_at in own if signed_at is not None), held.started_at)


def _of_deeds(deeds: Sequence[Deed], user_id: int) -> dict[Condition, bool]:
    request, appeal = asked(deeds), open_appeal(deeds)
    is_own_work = did_the_work(deeds, user_id)
    return {
        Condition.NOT_OWN_WORK: not is_own_work,
        Condition.OWN_WORK: is_own_work,
        Condition.NEVER_SUSPENDED: not has(deeds, "suspend"),
        Condition.EXTENSIONS_LEFT: extensions(deeds) < MOST_EXTENSIONS,
        Condition.NOTHING_ASKED: not request,
        Condition.EXTENSION_ASKED: bool(request),
        Condition.EXTENSION_AGREED: len(request) > 1,
        Condition.NOT_AGREED_BY_YOU: not any(deed.actor_id == user_id for deed in request),
        Condition.NEVER_APPEALED: not has(deeds, "appeal"),
        Condition.APPEAL_OPEN: bool(appeal),
        Condition.NOT_REVIEWED_BY_YOU: not any(deed.actor_id == user_id for deed in appeal),
    }


def _of_end(issue: Issue, deeds: Sequence[Deed], user_id: int, at: datetime) -> dict[Condition, bool]:
    since_end = list(_since_end(deeds))
    return {
        Condition.CHILDREN_CLOSED: not has(deeds, "split") or not issue.children.filter(closed_at=None).exists(),
        Condition.NOT_RATED_BY_YOU: not has(since_end, "evaluate", user_id),
        Condition.RECENTLY_CLOSED: issue.closed_at is not None and at - issue.closed_at <= settings.REOPEN_WITHIN,
        Condition.MERGED_INTO_OPEN: issue.state == State.MERGED and _goes_on(issue),
    }


def _goes_on(issue: Issue) -> bool:
    return issue.merged_into is not None and issue.merged_into.is_open


def _since_end(deeds: Sequence[Deed]) -> Iterator[Deed]:
    """The deeds after it was closed for the last time."""
    last = max((n for n, deed in enumerate(deeds) if deed.kind in ("conclude", "self_handle")), default=-1)
    yield from deeds[last + 1 :]
