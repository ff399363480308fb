"""What people of the demo city would find in their notices this morning."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from apps.issues.models import Issue, Rung, State
from apps.issues.services.announcing import TO_REPORTERS
from apps.issues.services.telling import ARRIVED, OVERDUE, REMIND, People, Telling, tell
from apps.issues.workflow import Holder
from apps.notices.services import Message, notify_all

TOLD_FOR = timedelta(days=2)


def tell_city(*, now: datetime) -> int:
    """Tell holders what is theirs, due soon or late, and reporters what was concluded; returns how many notices."""
    tellings = list(_to_holders())
    people = People(now)
    return tell(tellings=tellings, people=people, now=now) + notify_all(messages=_to_reporters(now), now=now)


def _to_holders() -> Iterator[Telling]:
    """New work, and every lamp. Platforms see new work on their board."""
    words = {Rung.ON_TIME: ARRIVED, Rung.REMINDED: REMIND, Rung.OVERDUE: OVERDUE}
    for issue in Issue.objects.filter(closed_at=None).order_by("id"):
        if issue.state == State.ASSIGNED or issue.rung != Rung.ON_TIME:
            holder = Holder(issue.holder_grid_id, issue.holder_department_id)
            yield Telling(words[Rung(issue.rung)], holder, issue.id, issue.filed_at, issue.grid_id)


def _to_reporters(now: datetime) -> Iterator[Message]:
    lately = Issue.objects.filter(closed_at__gt=now - TOLD_FOR, is_self_handled=False).order_by("closed_at")
    for issue in lately.select_related("grid"):
        values = {"number": issue.number, "cell": issue.grid.name}
        yield Message([issue.reporter_id], TO_REPORTERS["conclude"], values, f"/i/{issue.number}/")
