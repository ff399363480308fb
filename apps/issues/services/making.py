"""A move while it is being made: what its effect and its announcement need to know."""

from dataclasses import dataclass
from typing import Any

from apps.issues.models import Issue, State
from apps.issues.selectors.acting import Standing
from apps.issues.services.given import Given
from apps.issues.services.writing import Entry
from apps.issues.workflow import Move
from apps.staff.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One move being made: the row of the table, the locked issue, who does it and what was given."""

    row: Move
    issue: Issue
    standing: Standing
    given: Given
    actor: User
    entry: Entry
    to_grid_id: int | None = None
    to_department_id: int | None = None

    @property
    def state(self) -> State:
        """The state afterwards, as the table says."""
        return self.row.to[State(self.issue.state)]

    def entry_with(self, **facts: Any) -> Entry:
        """The entry with more in its payload."""
        entry = self.entry
        return Entry(entry.kind, entry.at, entry.actor_id, entry.post_id, {**entry.payload, **facts})
