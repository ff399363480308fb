"""What a merged issue goes on as: shown to whoever reported the duplicate, though they may see nothing else of it."""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as translate

from apps.issues.models import Issue, State
from apps.issues.selectors.reporters import MOST_LEVELS
from apps.issues.selectors.visibility import visible_issues
from apps.staff.selectors import Scope

# upward, for what it was merged into may have been merged too
_MAIN: Final = f"""
    WITH RECURSIVE line (id, above, level) AS (
        SELECT id, merged_into_id, 0 FROM {Issue._meta.db_table} WHERE id = %s
        UNION ALL
        SELECT issue.id, issue.merged_into_id, line.level + 1
        FROM line JOIN {Issue._meta.db_table} AS issue ON issue.id = line.above
        WHERE line.level < {MOST_LEVELS}
    )
    SELECT issue.* FROM line JOIN {Issue._meta.db_table} AS issue ON issue.id = line.id
    ORDER BY line.level DESC LIMIT 1"""


@dataclass(frozen=True, slots=True)
class GoesOnAs:
    """The issue that stands for a duplicate. `number` is empty for who may not see it."""

    state: State
    number: str

    @property
    def words(self) -> str:
        """How it stands, in a sentence that tells nothing else."""
        if self.state.is_open:
            said = translate("It is the same matter as another report, which goes on: %(state)s.")
        else:
            said = translate("It is the same matter as another report, which has ended: %(state)s.")
        return said % {"state": self.state.label}


def goes_on_as(issue: Issue, scope: Scope) -> GoesOnAs | None:
    """None for an issue that stands for itself; that costs nothing, another one two queries."""
    if issue.merged_into_id is None:
        return None
    main = Issue.objects.raw(_MAIN, [issue.pk])[0]
    is_seen = visible_issues(scope).filter(pk=main.pk).exists()
    return GoesOnAs(State(main.state), main.number if is_seen else "")
