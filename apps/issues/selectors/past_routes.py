"""Past issues routed again in memory: by a set of rules, by the active set, and as they really were. Writes nothing.

Powers, posts and departments are those of now; the hour is that of the filing. So a difference is one of the rules.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from apps.grids.selectors import TreeIndex
from apps.issues.models import Handover, Issue, LinkKind, number_of
from apps.issues.routing import Answer, Cell, Decision, NoChain, Rule
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.surroundings import Surroundings, chain_upward, surroundings_of
from apps.staff.models import Department

MOST_EXAMPLES: Final = 20
ISSUE, HANDOVER, DEPARTMENT = (model._meta.db_table for model in (Issue, Handover, Department))

# Where routing ended: its last handover. Those of people have an actor, those of the sweep another kind.
READ: Final = f"""
    SELECT issue.id, issue.category_id, issue.grid_id, issue.district_id, issue.is_urgent, issue.filed_at,
        really.to_grid_id, really.to_department_id, department.kind
    FROM (
        SELECT id, category_id, grid_id, district_id, is_urgent, filed_at FROM {ISSUE}
        WHERE (%(below)s::bigint IS NULL OR id < %(below)s)
            AND (%(since)s::timestamptz IS NULL OR filed_at >= %(since)s)
        ORDER BY id DESC LIMIT %(most)s
    ) AS issue
    LEFT JOIN LATERAL (
        SELECT to_grid_id, to_department_id FROM {HANDOVER}
        WHERE issue_id = issue.id AND actor_id IS NULL AND kind IN ('{LinkKind.ASSIGN}', '{LinkKind.REPORT_UP}')
        ORDER BY id DESC LIMIT 1
    ) AS really ON true
    LEFT JOIN {DEPARTMENT} AS department ON department.id = really.to_department_id
    ORDER BY issue.id DESC
"""


class PastIssue(NamedTuple):
    """One issue, and where routing really sent it (None: it was solved on the spot, or still waits)."""

    id: int
    category_id: int
    grid_id: int
    district_id: int | None
    is_urgent: bool
    filed_at: datetime
    real_grid_id: int | None
    real_department_id: int | None
    real_kind: str | None


class Place(NamedTuple):
    """Where something goes, as differences are counted: tier of the cell, kind of department, whether that holds it."""

    tier: int
    kind: str = ""
    is_held_by_department: bool = False


@dataclass
class Tally:
    """What a dry run has found so far. It goes through JSON, so that another process can carry the run on.

    changes: (by the active set → by the tried one) → issues; real: the same, from where they really went;
    hits: issues that each tried rule decided; alarms: (rule, answer) → issues that met a broken or switched-off rule.
    """

    seen: int = 0
    changed: int = 0
    unroutable: int = 0
    changes: Counter[tuple[Place, Place]] = field(default_factory=Counter)
    real: Counter[tuple[Place, Place]] = field(default_factory=Counter)
    hits: Counter[int] = field(default_factory=Counter)
    alarms: Counter[tuple[int, str]] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "unroutable": self.unroutable,
            "changes": [[*pair, count] for pair, count in self.changes.most_common()],
            "real": [[*pair, count] for pair, count in self.real.most_common()],
            "hits": [[*pair] for pair in self.hits.most_common()],
            "alarms": [[*pair, count] for pair, count in self.alarms.most_common()],
            "examples": self.examples,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any], *, seen: int, changed: int) -> "Tally":
        def places(rows: Sequence[Any]) -> Counter[tuple[Place, Place]]:
            return Counter({(Place(*one), Place(*other)): count for one, other, count in rows})

        return cls(
            seen=seen,
            changed=changed,
            unroutable=said.get("unroutable", 0),
            changes=places(said.get("changes", ())),
            real=places(said.get("real", ())),
            hits=Counter({rule: count for rule, count in said.get("hits", ())}),
            alarms=Counter({(rule, answer): count for rule, answer, count in said.get("alarms", ())}),
            examples=list(said.get("examples", ())),
        )


def count_past(since: datetime | None, most: int) -> int:
    """How many issues a dry run would look at, at most `most`."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {ISSUE} "
            "WHERE %(since)s::timestamptz IS NULL OR filed_at >= %(since)s LIMIT %(most)s) AS past",
            {"since": since, "most": most},
        )
        return int(cursor.fetchone()[0])


def read_past(*, below: int | None, since: datetime | None, most: int) -> list[PastIssue]:
    """The newest issues with ids under `below` filed since then, the newest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"below": below, "since": since, "most": most})
        return [PastIssue(*row) for row in cursor.fetchall()]


class Trial:
    """Routes past issues by two sets of rules at one moment's posts. Chains are kept: cells are few, issues many."""

    def __init__(self, rules: Sequence[Rule], now: datetime) -> None:
        """Read where everybody is: four queries."""
        known = catalogue()
        self.tried: Surroundings = surroundings_of(known, rules, now)
        self.active: Surroundings = surroundings_of(known, known.rules, now)
        self.index: TreeIndex = self.tried.index
        self._chains: dict[int, tuple[Cell, ...]] = {}

    def look_at(self, issues: Sequence[PastIssue], tally: Tally) -> None:
        """Route each of them twice and count. No query."""
        for issue in issues:
            tally.seen += 1
            try:
                before, after = self._route(self.active, issue), self._route(self.tried, issue)
            except NoChain:
                tally.unroutable += 1  # its cell is closed: the default holder gets it whatever the rules say
                continue
            self._count(issue, before, after, tally)

    def _route(self, surroundings: Surroundings, issue: PastIssue) -> Decision:
        chain = self._chains.get(issue.grid_id)
        if chain is None:
            chain = self._chains[issue.grid_id] = chain_upward(issue.grid_id, self.index)
        return surroundings.route(
            chain, issue.category_id, issue.district_id, issue.filed_at, is_urgent=issue.is_urgent
        )

    def _count(self, issue: PastIssue, before: Decision, after: Decision, tally: Tally) -> None:
        asked = after.trace.asked
        if asked and asked[-1][1] is Answer.HOLDS:
            tally.hits[asked[-1][0]] += 1
        for rule, answer in after.trace.alarms:
            tally.alarms[rule, str(answer)] += 1
        if _end(before) != _end(after):
            tally.changed += 1
            tally.changes[_place(before), _place(after)] += 1
            if len(tally.examples) < MOST_EXAMPLES:
                tally.examples.append(_example(issue, before, after))
        real = self._real(issue)
        if real is not None and (issue.real_grid_id, issue.real_department_id) != _holder(after):
            tally.real[real, _place(after)] += 1

    def _real(self, issue: PastIssue) -> Place | None:
        if issue.real_grid_id is None or not self.index.has(issue.real_grid_id):
            return None
        return Place(self.index.cell(issue.real_grid_id).tier, issue.real_kind or "", issue.real_kind is not None)


def _holder(decision: Decision) -> tuple[int, int | None]:
    """As a handover would name it."""
    department = decision.department
    return (department.cell_id, department.id) if department else (decision.holder.id, None)


def _end(decision: Decision) -> tuple[object, ...]:
    """What makes a difference to people: who holds it, and to whom the platform is told to pass it."""
    return (*_holder(decision), decision.holder.id, decision.suggestion)


def _place(decision: Decision) -> Place:
    if decision.department is not None:
        return Place(decision.holder.tier, decision.department.kind, is_held_by_department=True)
    return Place(decision.holder.tier, decision.suggestion)


def _example(issue: PastIssue, before: Decision, after: Decision) -> dict[str, Any]:
    """One issue in full: where from, where to, and why now."""
    return {
        "number": number_of(issue.id, issue.filed_at),
        "category": issue.category_id,
        "from": list(_place(before)),
        "to": list(_place(after)),
        "trace": after.trace.codes(),
    }
