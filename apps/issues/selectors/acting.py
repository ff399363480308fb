"""How a person stands to an issue: do they act for its holder, and what may they do with it now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q

from apps.grids.selectors import tree
from apps.issues.models import Handover, Issue, IssueEvent
from apps.issues.workflow import (
    Holder,
    Link,
    LinkKind,
    Move,
    Situation,
    State,
    assigners,
    last_fed_back_by,
    possible_moves,
    was_returned_between,
    way_back,
)
from apps.staff.models import Department
from apps.staff.selectors import PostInfo, Scope, acting_post_for_cell, acting_post_for_department

OWN_WORK: Final = ("handle", "feed_back", "self_handle")  # and signing, where that begins the handling


def is_own_work(event: IssueEvent, user_id: int) -> bool:
    """Whether the person did this, and it is work that somebody else must check (docs/adr/0014)."""
    return event.actor_id == user_id and (
        event.kind in OWN_WORK or (event.kind == "sign" and event.state == State.HANDLING)
    )


def own_work(user_id: int) -> Q:
    """The same, asked of the database."""
    return Q(actor_id=user_id) & (Q(kind__in=OWN_WORK) | Q(kind="sign", state=State.HANDLING))


@dataclass(frozen=True, slots=True)
class Standing:
    """The holder and the chain behind it. `post` is that by which the person acts, None if they only read."""

    holder: Holder
    post: PostInfo | None
    situation: Situation
    assigner: Holder | None
    way_back: tuple[Holder, bool] | None
    fed_back_by: Holder | None

    @property
    def moves(self) -> tuple[Move, ...]:
        """What the person may do now, in the order of the table."""
        return possible_moves(self.situation) if self.post else ()

    @property
    def post_id(self) -> int | None:
        return self.post.id if self.post else None

    @property
    def holder_name(self) -> str:
        """The department or cell by name. One query for a department."""
        if self.holder.department_id is not None:
            return str(Department.objects.get(id=self.holder.department_id))
        return tree().cell(self.holder.grid_id).name


def standing_of(issue: Issue, scope: Scope, at: datetime) -> Standing:
    """Two queries (handovers, own work), one more where a superior may stand in for a vacant cell."""
    handovers = list(issue.handovers.order_by("id"))
    has_worked = issue.events.filter(own_work(scope.user_id)).exists()
    return standing_from(issue, handovers, scope, at, has_worked=has_worked)


def standing_from(
    issue: Issue, handovers: Sequence[Handover], scope: Scope, at: datetime, *, has_worked: bool
) -> Standing:
    """The same from handovers that were read already, oldest first."""
    holder = Holder(issue.holder_grid_id, issue.holder_department_id)
    links = [_link(handover) for handover in handovers]
    is_within = tree().is_within
    waiting = assigners(links, is_within)
    back = way_back(links, holder, is_within)
    fed_back_by = last_fed_back_by(links)
    situation = Situation(
        state=State(issue.state),
        holder_tier=tree().cell(holder.grid_id).tier,
        is_department=holder.department_id is not None,
        is_signed=any(row.ended_at is None and row.signed_at is not None for row in handovers),
        has_assigner=bool(waiting),
        has_way_back=back is not None,
        was_returned=back is not None and was_returned_between(links, holder, back[0]),
        was_fed_back=fed_back_by is not None,
        is_own_work=has_worked,
    )
    post = _acting_post(issue, scope, at) if issue.is_open else None
    return Standing(holder, post, situation, waiting[-1] if waiting else None, back, fed_back_by)


def _acting_post(issue: Issue, scope: Scope, at: datetime) -> PostInfo | None:
    if issue.holder_department_id is not None:
        return acting_post_for_department(scope, issue.holder_department_id, issue.grid_id)
    return acting_post_for_cell(scope, issue.holder_grid_id, at)


def _link(handover: Handover) -> Link:
    giver = None
    if handover.from_grid_id is not None:
        giver = Holder(handover.from_grid_id, handover.from_department_id)
    taker = Holder(handover.to_grid_id, handover.to_department_id)
    return Link(LinkKind(handover.kind), giver, taker, is_automatic=handover.actor_id is None)
