"""Disputes over whose duty an issue is: what the departments said that declined it, and the ruling on that."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.issues.models import IssueEvent, State
from apps.issues.selectors.timeline import Line


@dataclass(frozen=True, slots=True)
class Dispute:
    """`reasons`: the returns by departments, in order; `ruling`: None while nobody has ruled."""

    reasons: tuple[Line, ...]
    ruling: Line | None = None


def disputes_of(events: Sequence[IssueEvent], lines: Sequence[Line]) -> tuple[Dispute, ...]:
    """Each ruling with what it ruled on, then what waits for one; of one issue, from its events and their lines.

    What cells and platforms return is no dispute (as in workflow.chain.declined_by). No query.
    """
    found: list[Dispute] = []
    reasons: list[Line] = []
    for before, event, line in zip(events, events[1:], lines[1:], strict=False):
        if event.kind == "return" and before.holder_department_id is not None:
            reasons.append(line)
        elif event.kind == "adjudicate":
            found.append(Dispute(tuple(reasons), line))
            reasons = []
    if reasons and State(events[-1].state).is_open:
        found.append(Dispute(tuple(reasons)))
    return tuple(found)
