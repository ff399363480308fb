"""The history of an issue as sentences, in the reader's language."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_noop

from apps.issues import routing
from apps.issues.models import IssueEvent, State, UnitChoices
from apps.issues.selectors.wording import holder_words
from apps.issues.workflow import Card, Holder
from apps.staff.models import Department

# %(actor)s who did it, %(giver)s who held it before, %(taker)s who holds it now
BY_PEOPLE: Final[Mapping[str, str]] = {
    "file": gettext_noop("%(actor)s filed the report"),
    "sign": gettext_noop("%(actor)s signed for it at %(taker)s"),
    "handle": gettext_noop("%(actor)s is handling it at %(taker)s"),
    "assign": gettext_noop("%(actor)s of %(giver)s assigned it to %(taker)s"),
    "report_up": gettext_noop("%(actor)s of %(giver)s reported it up to %(taker)s"),
    "refer": gettext_noop("%(actor)s of %(giver)s asked %(taker)s to check it"),
    "return": gettext_noop("%(actor)s of %(giver)s returned it to %(taker)s"),
    "feed_back": gettext_noop("%(actor)s of %(giver)s fed back to %(taker)s"),
    "rework": gettext_noop("%(actor)s of %(giver)s sent it back to %(taker)s for rework"),
    "conclude": gettext_noop("%(actor)s of %(taker)s concluded it"),
    "self_handle": gettext_noop("%(actor)s of %(taker)s solved it"),
    "photo": gettext_noop("%(actor)s added photos"),
    "transfer": gettext_noop("%(actor)s took it from %(giver)s and gave it to %(taker)s"),
    "co_feed_back": gettext_noop("%(actor)s of %(department)s fed back as co-handler"),
    "adjudicate": gettext_noop("%(actor)s ruled: %(taker)s handles it"),
    "evaluate": gettext_noop("%(actor)s evaluated it: %(score)s of 5, %(satisfied)s"),
    "reopen": gettext_noop("%(actor)s opened it again; %(taker)s goes on with it"),
    "suspend": gettext_noop("%(actor)s suspended it until %(until)s"),
    "resume": gettext_noop("%(actor)s let it go on at %(taker)s"),
    "ask_extension": gettext_noop("%(actor)s of %(taker)s asked for more time: %(amount)s"),
    "agree_extension": gettext_noop("%(actor)s agreed to more time"),
    "grant_extension": gettext_noop("%(actor)s granted more time: %(amount)s"),
    "refuse_extension": gettext_noop("%(actor)s refused more time"),
    "urge": gettext_noop("%(actor)s urged %(taker)s"),
    "note": gettext_noop("%(actor)s noted"),
    "supervise": gettext_noop("%(actor)s put it under supervision: %(card)s"),
    "lift_card": gettext_noop("%(actor)s lifted the supervision"),
    "merge": gettext_noop("%(actor)s merged it into %(into)s, the same matter"),
    "unmerge": gettext_noop("%(actor)s separated it again; %(taker)s goes on with it"),
    "duplicate": gettext_noop("%(actor)s merged %(number)s into it, the same matter"),
    "no_duplicate": gettext_noop("%(actor)s separated %(number)s from it again"),
    "support": gettext_noop("%(actor)s saw the same"),
    "split": gettext_noop("%(actor)s split it into %(numbers)s"),
    "reject": gettext_noop("%(actor)s of %(taker)s did not accept it"),
    "cancel": gettext_noop("%(actor)s cancelled it"),
    "appeal": gettext_noop("%(actor)s appealed against its lateness"),
    "uphold_appeal": gettext_noop("%(actor)s found the appeal right"),
    "refuse_appeal": gettext_noop("%(actor)s refused the appeal"),
}
JOINTLY: Final = gettext_noop("%(sentence)s, jointly with %(helpers)s")
WITHOUT: Final = gettext_noop("%(sentence)s, without waiting for who helps: %(why)s")
BY_ITSELF: Final[Mapping[str, str]] = {
    "assign": gettext_noop("It stays with %(taker)s"),
    "assign_on": gettext_noop("It is assigned from %(giver)s to %(taker)s"),
    "report_up": gettext_noop("It goes up from %(giver)s to %(taker)s"),
    "unsigned": gettext_noop("%(taker)s has not signed for it; the superior was told"),
    "yellow_card": gettext_noop("Yellow card for %(taker)s: long overdue"),
    "red_card": gettext_noop("Red card for %(taker)s: far too long overdue"),
    "resume": gettext_noop("The pause is over: the clock of %(taker)s runs on"),
    "remind": gettext_noop("%(taker)s was reminded: it is due soon"),
    "overdue": gettext_noop("Overdue with %(taker)s; the superior was told"),
    "escalate": gettext_noop("Late: it moved from %(giver)s up to %(taker)s"),
    "realarm": gettext_noop("Still overdue with %(taker)s: alarm repeated"),
    "co_overdue": gettext_noop("Overdue with %(department)s, which helps"),
    "recount": gettext_noop("The working calendar was changed: the clock of %(taker)s was counted again"),
    "recount_due": gettext_noop("The working calendar was changed: %(taker)s has until %(due)s instead of %(was)s"),
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


def timeline(
    events: Sequence[IssueEvent], departments: dict[int, Department], hidden: Collection[str]
) -> tuple[Line, ...]:
    """Oldest first. `events` of one issue in order, with `actor` read; `departments` by id. No query.

    An event names who helps by the Chinese name; of `departments` the reader's language counts. `hidden` are the
    numbers of other issues that the reader may not see (`hidden_numbers`): they are called another report.
    """
    calls = {row.name: str(row) for row in departments.values()} | dict.fromkeys(hidden, translate("another report"))
    lines: list[Line] = []
    before: IssueEvent | None = None
    for event in events:
        lines.append(_line(event, before or event, departments, calls))
        before = event
    return tuple(lines)


def _line(event: IssueEvent, before: IssueEvent, departments: dict[int, Department], calls: Mapping[str, str]) -> Line:
    def name(row: IssueEvent) -> str:
        return holder_words(Holder(row.holder_grid_id, row.holder_department_id), departments)

    payload = _in_words(event.payload, calls)
    actor = str(event.actor) if event.actor else ""
    said = payload | _moments(event)
    has_department = event.holder_department_id is not None
    return Line(
        seq=event.seq,
        kind=event.kind,
        at=event.at,
        sentence=_sentence(_pattern(event, actor), actor, said, lambda: name(before), lambda: name(event)),
        words=str(payload.get("text", "")),
        reason=_reason(payload, name(event) if has_department else None),
        state=State(event.state),
        is_alarm=bool(payload.get("alarm")) or event.kind in ALARMS,
        actor=actor,
        photo_count=int(payload.get("photos", 0)),
    )


def _moments(event: IssueEvent) -> dict[str, str]:
    """The due time and what it was before, as local time."""
    if "was" not in event.payload or event.due_at is None:
        return {}
    moments = {"due": event.due_at, "was": datetime.fromisoformat(event.payload["was"])}
    return {name: timezone.localtime(at).strftime("%Y-%m-%d %H:%M") for name, at in moments.items()}


def _in_words(payload: Mapping[str, Any], calls: Mapping[str, str]) -> dict[str, Any]:
    """The payload with the departments that help, and the other issues, as the reader calls them."""
    one = {key: calls.get(payload[key], payload[key]) for key in ("department", "into", "number") if key in payload}
    more = {key: [calls.get(each, each) for each in payload[key]] for key in ("co", "numbers") if key in payload}
    return {**payload, **one, **more}


def _pattern(event: IssueEvent, actor: str) -> str:
    """The event's kind; by itself the platform may leave it where it is, or assign it to a department."""
    if event.kind == "recount":
        return "recount_due" if "was" in event.payload else "recount"
    is_passed_on = event.kind == "assign" and not actor and event.holder_department_id is not None
    return "assign_on" if is_passed_on else event.kind


def _reason(payload: Mapping[str, Any], department: str | None) -> str:
    """Why the platform did it; departments have a name in each language, so the reader's counts."""
    if "reason" not in payload:
        return ""
    values = payload.get("values", {})
    return routing.sentence(payload["reason"], values | ({"department": department} if department else {}))


def _sentence(
    kind: str, actor: str, payload: Mapping[str, Any], giver: Callable[[], str], taker: Callable[[], str]
) -> str:
    """An unknown kind is shown as it is: an old history stays readable."""
    pattern = (BY_PEOPLE if actor else BY_ITSELF).get(kind)
    if pattern is None:
        return kind
    said = translate(pattern) % {**_facts(payload), "actor": actor, "giver": giver(), "taker": taker()}
    if payload.get("co"):
        said = translate(JOINTLY) % {"sentence": said, "helpers": translate(", ").join(map(str, payload["co"]))}
    if payload.get("without_co"):
        said = translate(WITHOUT) % {"sentence": said, "why": payload["without_co"]}
    return said


def _facts(payload: Mapping[str, Any]) -> defaultdict[str, str]:
    """What the sentences have places for; what an old event lacks is shown as a question mark."""
    facts = defaultdict(lambda: "?", {name: str(value) for name, value in payload.items()})
    if "until" in payload:
        facts["until"] = str(payload["until"])[:10]
    if "card" in payload:
        facts["card"] = str(Card[payload["card"].upper()].label)
    if "is_satisfied" in payload:
        facts["satisfied"] = translate("satisfied") if payload["is_satisfied"] else translate("not satisfied")
    if "numbers" in payload:
        facts["numbers"] = translate(", ").join(map(str, payload["numbers"]))
    if "unit" in payload and "amount" in payload:
        facts["amount"] = f"{payload['amount']} × {UnitChoices(payload['unit']).label}"
    return facts
