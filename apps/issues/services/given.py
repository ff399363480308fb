"""What somebody gives along with a move beside words: read, checked, and refused field by field."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.common.texts import clean_text
from apps.issues.models import Issue
from apps.issues.selectors.numbers import issue_by_number
from apps.issues.workflow import Card, Give, Move
from apps.staff.selectors import Scope

LONGEST_SUSPENSION: Final = timedelta(days=366)  # 挂账: an end date at most one year away (reference: domain §2.6)
LONGEST_PART: Final = 500
LONGEST_REASON: Final = 1_000
PARTS: Final = (2, 10)
SCORES: Final = (1, 5)
YES: Final = frozenset({"yes", "true", "1", "on"})
NO: Final = frozenset({"no", "false", "0", "off"})

Raw = Mapping[Give, Any]


class GivenRefused(Refused):
    """A field of the move is missing or cannot be used; `field` is its name."""

    def __init__(self, give: Give, sentence: Promise, **values: object) -> None:
        super().__init__(**values)
        self.field = give.value  # type: ignore[misc]  # one class for all fields
        self._sentence = sentence

    def __str__(self) -> str:
        return str(self._sentence) % self.values


@dataclass(frozen=True, slots=True)
class Given:
    """The checked values; what the move does not ask for keeps its default."""

    co_departments: tuple[int, ...] = ()
    without_co: str = ""
    until: datetime | None = None
    amount: Decimal | None = None
    score: int | None = None
    is_satisfied: bool | None = None
    into: Issue | None = None
    parts: tuple[str, ...] = ()
    card: Card = Card.NONE
    payload: Mapping[str, Any] = field(default_factory=dict)  # what the event keeps of it


def read_given(row: Move, raw: Raw, *, issue: Issue, scope: Scope, now: datetime) -> Given:
    """Check what was given against what the move asks. Raises GivenRefused; at most one query."""
    values: dict[str, Any] = {}
    for give, is_needed in row.gives.items():
        text = raw.get(give)
        if text in (None, "", []):
            if is_needed:
                raise GivenRefused(give, _("Please fill in: %(field)s."), field=give.label)
            continue
        values[give.value] = _read(give, text, issue, scope, now)
    return Given(**values, payload=_payload(values))


def _read(give: Give, value: object, issue: Issue, scope: Scope, now: datetime) -> object:
    match give:
        case Give.CO_DEPARTMENTS:
            return _ids(give, value)
        case Give.WITHOUT_CO:
            return clean_text(str(value), longest=LONGEST_REASON)
        case Give.UNTIL:
            return _until(give, value, now)
        case Give.AMOUNT:
            return _amount(give, value)
        case Give.SCORE:
            return _score(give, value)
        case Give.IS_SATISFIED:
            return _yes_or_no(give, value)
        case Give.INTO:
            return _into(give, value, issue, scope)
        case Give.PARTS:
            return _parts(give, value)
        case Give.CARD:
            return _card(give, value)


def _ids(give: Give, value: object) -> tuple[int, ...]:
    try:
        return tuple(dict.fromkeys(int(one) for one in value))  # type: ignore[attr-defined]  # whatever was sent
    except (TypeError, ValueError) as error:
        raise GivenRefused(give, _("Choose departments of the list.")) from error


def _until(give: Give, value: object, now: datetime) -> datetime:
    """The start of the day on which it goes on by itself."""
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value).strip())
        moment = timezone.make_aware(datetime.combine(day, time()))
    except (ValueError, OverflowError) as error:
        raise GivenRefused(give, _("Write the day as 2026-12-31.")) from error
    if not now < moment <= now + LONGEST_SUSPENSION:
        raise GivenRefused(give, _("Choose a day after today, at most one year away."))
    return moment


def _amount(give: Give, value: object) -> Decimal:
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise GivenRefused(give, _("Write a number.")) from error
    if not amount.is_finite() or amount <= 0 or amount != round(amount, 2) or amount > 99_999:
        raise GivenRefused(give, _("Write a number above 0, with at most two places."))
    return amount


def _score(give: Give, value: object) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and SCORES[0] <= int(text[:9]) <= SCORES[1]):
        raise GivenRefused(give, _("The score is a whole number from 1 to 5."))
    return int(text)


def _yes_or_no(give: Give, value: object) -> bool:
    text = str(value).strip().lower()
    if text not in YES | NO:
        raise GivenRefused(give, _("Say yes or no."))
    return text in YES


def _into(give: Give, value: object, issue: Issue, scope: Scope) -> Issue:
    """The issue that goes on: open, another one, and one that the person may see."""
    found = issue_by_number(str(value), scope)
    if found is None or found.pk == issue.pk:
        raise GivenRefused(give, _("There is no other issue of that number that you may see."))
    if not found.is_open:
        raise GivenRefused(give, _("That issue is closed; an open issue can only be merged into another open one."))
    return found


def _parts(give: Give, value: object) -> tuple[str, ...]:
    lines = value.splitlines() if isinstance(value, str) else list(value) if isinstance(value, list) else []
    parts = tuple(text for line in lines if (text := clean_text(str(line), longest=LONGEST_PART)))
    if not PARTS[0] <= len(parts) <= PARTS[1]:
        raise GivenRefused(give, _("Write two to ten parts, each on a line of its own."))
    return parts


def _card(give: Give, value: object) -> Card:
    names = {card.name.lower(): card for card in Card if card is not Card.NONE}
    if str(value) not in names:
        raise GivenRefused(give, _("Choose one of the cards."))
    return names[str(value)]


def _payload(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON: moments in ISO form, the other issue by its number."""
    kept = {name: value for name, value in values.items() if name not in ("parts", "into", "co_departments")}
    if "into" in values:
        kept["into"] = values["into"].number
    return {name: _plain(value) for name, value in kept.items()}


def _plain(value: object) -> object:
    if isinstance(value, Card):
        return value.name.lower()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
