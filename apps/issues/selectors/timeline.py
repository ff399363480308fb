"""The history of an issue as sentences, in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_noop

from apps.issues import routing
from apps.issues.models import IssueEvent, State
from apps.issues.selectors.wording import holder_words
from apps.issues.workflow import Holder
from apps.staff.models import Department

# %(actor)s who did it, %(giver)s who held it before, %(taker)s who holds it now
BY_PEOPLE: Final[Mapping[str, str]] = {
    "file": gettext_noop("%(actor)s filed the report"),
    "sign": gettext_noop("%(actor)s signed for it at %(taker)s"),
    "handle": gettext_noop("%(actor)s is handling it at %(taker)s"),
    "assign": gettext_noop("%(actor)s of %(giver)s assigned it to %(taker)s"),
    "report_up": gettext_noop("%(actor)s of %(giver)s reported it up to %(taker)s"),
    "return": gettext_noop("%(actor)s of %(giver)s returned it to %(taker)s"),
    "feed_back": gettext_noop("%(actor)s of %(giver)s fed back to %(taker)s"),
    "rework": gettext_noop("%(actor)s of %(giver)s sent it back to %(taker)s for rework"),
    "conclude": gettext_noop("%(actor)s of %(taker)s concluded it"),
    "self_handle": gettext_noop("%(actor)s of %(taker)s solved it"),
    "photo": gettext_noop("%(actor)s added photos"),
}
BY_ITSELF: Final[Mapping[str, str]] = {
    "assign": gettext_noop("It stays with %(taker)s"),
    "report_up": gettext_noop("It goes up from %(giver)s to %(taker)s"),
    "unsigned": gettext_noop("%(taker)s has not signed for it; the superior was told"),
    "yellow_card": gettext_noop("Yellow card for %(taker)s: long overdue"),
    "red_card": gettext_noop("Red card for %(taker)s: far too long overdue"),
    "resume": gettext_noop("The pause is over: the clock of %(taker)s runs on"),
    "remind": gettext_noop("%(taker)s was reminded: it is due soon"),
    "overdue": gettext_noop("Overdue with %(taker)s; the superior was told"),
    "escalate": gettext_noop("Late: it moved from %(giver)s up to %(taker)s"),
    "realarm": gettext_noop("Still overdue with %(taker)s: alarm repeated"),
}

ALARMS: Final = frozenset({"overdue", "yellow_card", "red_card", "escalate", "realarm"})


@dataclass(frozen=True, slots=True)
class Line:
    """One event. `words` are the person's own; `reason` is why the platform did it; `is_alarm` asks to be looked at."""

    seq: int
    kind: str
    at: datetime
    sentence: str
    words: str
    reason: str
    state: State
    is_alarm: bool
    actor: str
    photo_count: int


def timeline(events: Sequence[IssueEvent], departments: dict[int, Department]) -> tuple[Line, ...]:
    """Oldest first. `events` of one issue in order, with `actor` read; `departments` by id. No query."""
    lines: list[Line] = []
    before: IssueEvent | None = None
    for event in events:
        lines.append(_line(event, before or event, departments))
        before = event
    return tuple(lines)


def _line(event: IssueEvent, before: IssueEvent, departments: dict[int, Department]) -> Line:
    def name(row: IssueEvent) -> str:
        return holder_words(Holder(row.holder_grid_id, row.holder_department_id), departments)

    payload: Mapping[str, Any] = event.payload
    actor = str(event.actor) if event.actor else ""
    return Line(
        seq=event.seq,
        kind=event.kind,
        at=event.at,
        sentence=_sentence(event.kind, actor, lambda: name(before), lambda: name(event)),
        words=str(payload.get("text", "")),
        reason=routing.sentence(payload["reason"], payload.get("values", {})) if "reason" in payload else "",
        state=State(event.state),
        is_alarm=bool(payload.get("alarm")) or event.kind in ALARMS,
        actor=actor,
        photo_count=int(payload.get("photos", 0)),
    )


def _sentence(kind: str, actor: str, giver: Callable[[], str], taker: Callable[[], str]) -> str:
    """An unknown kind is shown as it is: an old history stays readable."""
    pattern = (BY_PEOPLE if actor else BY_ITSELF).get(kind)
    if pattern is None:
        return kind
    return translate(pattern) % {"actor": actor, "giver": giver(), "taker": taker()}
