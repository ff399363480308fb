"""How a person stands to an issue: for whom do they act, and what may they do with it now?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection

from apps.grids.selectors import tree
from apps.issues.models import CoHandling, Handover, Issue, IssueEvent
from apps.issues.selectors.facts import Chain, Told, conditions
from apps.issues.workflow import (
    PLATFORM_TIERS,
    By,
    Deed,
    Holder,
    Link,
    LinkKind,
    Move,
    Situation,
    State,
    possible_moves,
)
from apps.issues.workflow.states import CITY_TIER
from apps.staff.models import Department, Role
from apps.staff.selectors import (
    ACTING_ROLES,
    PLATFORM_ROLES,
    PostInfo,
    Scope,
    acting_post_for_cell,
    acting_post_for_department,
)

AHEAD: Final = (
    By.HOLDER,
    By.ASSIGNER,
    By.CO_HANDLER,
    By.PLATFORM,
    By.SUPERIOR,
    By.APPROVER,
    By.INSPECTOR,
    By.LATE_HOLDER,
)

# as they stand, for this is asked of every move: no queryset needs to be put together
_HANDOVERS: Final = f"SELECT * FROM {Handover._meta.db_table} WHERE issue_id = %s ORDER BY id"
_DEEDS: Final = f"SELECT kind, actor_id, state FROM {IssueEvent._meta.db_table} WHERE issue_id = %s ORDER BY seq"
_HELPING: Final = f"SELECT * FROM {CoHandling._meta.db_table} WHERE issue_id = %s AND ended_at IS NULL ORDER BY id"


@dataclass(frozen=True, slots=True)
class Standing:
    """The holder and the chain behind it. `posts`: by which post the person stands to the issue in each way."""

    holder: Holder
    posts: Mapping[By, PostInfo | None]
    situation: Situation
    chain: Chain
    told: Told

    @property
    def moves(self) -> tuple[Move, ...]:
        """What the person may do now, in the order of the table."""
        return possible_moves(self.situation)

    def post_for(self, move: Move) -> PostInfo | None:
        """The post by which the person makes the move; None for who only reported it."""
        return next((post for by in AHEAD if by in move.by and (post := self.posts.get(by))), None)

    def desk_for(self, move: Move) -> int:
        """Id of the cell from whose desk the move is made: its reach bounds the targets."""
        if By.HOLDER in move.by and By.HOLDER in self.posts:
            return self.holder.grid_id
        assigner = self.chain.assigner
        if By.ASSIGNER in move.by and By.ASSIGNER in self.posts and assigner is not None:
            return assigner.grid_id
        post = self.post_for(move)
        return post.grid_id if post is not None else self.holder.grid_id

    @property
    def holder_name(self) -> str:
        """The department or cell by name. One query for a department."""
        if self.holder.department_id is not None:
            return str(Department.objects.get(id=self.holder.department_id))
        return tree().cell(self.holder.grid_id).name


def standing_of(issue: Issue, scope: Scope, at: datetime) -> Standing:
    """Three queries (handovers, events, joint handlings), few more where a superior may stand in for a vacant cell."""
    return standing_from(issue, told_of(issue.id), scope, at)


def told_of(issue_id: int) -> Told:
    """What an issue's past says. Three queries."""
    return Told(
        handovers=list(Handover.objects.raw(_HANDOVERS, [issue_id])),
        deeds=_deeds(issue_id),
        co_handlings=list(CoHandling.objects.raw(_HELPING, [issue_id])),
    )


def _deeds(issue_id: int) -> list[Deed]:
    with connection.cursor() as cursor:
        cursor.execute(_DEEDS, [issue_id])
        return [Deed(*row) for row in cursor.fetchall()]


def standing_from(issue: Issue, told: Told, scope: Scope, at: datetime) -> Standing:
    """The same from what was read already."""
    holder = Holder(issue.holder_grid_id, issue.holder_department_id)
    chain = Chain.of(holder, [link_of(handover) for handover in told.handovers])
    posts = _posts(issue, told, chain, scope, at)
    holds = conditions(issue=issue, chain=chain, told=told, user_id=scope.user_id, posts=posts, at=at)
    return Standing(holder, posts, Situation(State(issue.state), frozenset(posts), holds), chain, told)


def _posts(issue: Issue, told: Told, chain: Chain, scope: Scope, at: datetime) -> dict[By, PostInfo | None]:
    """Every way in which the person stands to the issue, with the post for it."""
    holder, above = chain.holder, _cells_above(chain.holder)
    found: dict[By, PostInfo | None] = {
        By.HOLDER: _acting_post(holder, issue, scope, at),
        By.ASSIGNER: _acting_post(chain.assigner, issue, scope, at) if chain.assigner else None,
        By.PLATFORM: _post_at(scope, [holder.grid_id, *above], PLATFORM_ROLES),
        By.SUPERIOR: next((p for p in scope.posts if p.grid_id in above and p.role in ACTING_ROLES[p.tier]), None),
        By.APPROVER: _post_at(scope, _approving_cells(holder), PLATFORM_ROLES),
        By.INSPECTOR: _post_at(scope, [holder.grid_id, *above], frozenset({Role.INSPECTOR})),
        By.CO_HANDLER: _first_department(issue, scope, [row.department_id for row in told.co_handlings]),
        By.LATE_HOLDER: _first_department(issue, scope, _late_departments(issue, told)),
    }
    known = {by: post for by, post in found.items() if post is not None}
    return known | ({By.REPORTER: None} if issue.reporter_id == scope.user_id else {})


def _cells_above(holder: Holder) -> list[int]:
    """Ids of the cells whose people are set above the holder; a department also answers to its own cell."""
    line = [cell.id for cell in tree().chain(holder.grid_id)]
    return line if holder.department_id is not None else line[1:]


def _approving_cells(holder: Holder) -> list[int]:
    """Ids of the district and the city above the holder; the city has nobody above and approves for itself."""
    index = tree()
    own = [holder.grid_id] if index.cell(holder.grid_id).tier == CITY_TIER else []
    return own or [id for id in _cells_above(holder) if index.cell(id).tier in PLATFORM_TIERS]


def _post_at(scope: Scope, cells: Sequence[int], roles: frozenset[Role]) -> PostInfo | None:
    """The most local post with one of the roles in one of the cells."""
    own = [post for post in scope.posts if post.grid_id in cells and post.role in roles]
    return max(own, key=lambda post: post.tier, default=None)


def _first_department(issue: Issue, scope: Scope, departments: Sequence[int]) -> PostInfo | None:
    posts = (acting_post_for_department(scope, department, issue.grid_id) for department in departments)
    return next((post for post in posts if post is not None), None)


def _late_departments(issue: Issue, told: Told) -> list[int]:
    if issue.is_open:
        return []
    return [row.to_department_id for row in told.handovers if row.is_overdue and row.to_department_id is not None]


def _acting_post(holder: Holder, issue: Issue, scope: Scope, at: datetime) -> PostInfo | None:
    if holder.department_id is not None:
        return acting_post_for_department(scope, holder.department_id, issue.grid_id)
    return acting_post_for_cell(scope, holder.grid_id, at)


def link_of(handover: Handover) -> Link:
    """The handover as a link of the chain."""
    giver = None
    if handover.from_grid_id is not None:
        giver = Holder(handover.from_grid_id, handover.from_department_id)
    taker = Holder(handover.to_grid_id, handover.to_department_id)
    return Link(LinkKind(handover.kind), giver, taker, is_automatic=handover.actor_id is None)
