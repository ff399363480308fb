"""Routing in sentences. Histories keep codes and values; these make words of them in the reader's language."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as translate
from django.utils.translation import gettext_noop

from apps.issues.routing.values import Answer, Reason

SENTENCES: Final[Mapping[str, str]] = {
    Reason.WITHIN_POWERS: gettext_noop("Within the powers of %(to)s"),
    Reason.BEYOND_POWERS: gettext_noop("Beyond the powers of %(from)s"),
    Reason.RULE: gettext_noop("By the rule “%(rule)s”"),
    Reason.GRAVE: gettext_noop("A grave matter goes to the city at once"),
    Reason.VACANT: gettext_noop("%(from)s has no leader now; the leader of its superior stands in"),
    Reason.SECONDED: gettext_noop("The seconded staff of %(department)s handle it in %(cell)s"),
    Reason.DIRECT: gettext_noop("%(cell)s gives such matters to %(department)s at once"),
    Reason.NO_POWER: gettext_noop("No rule says who handles this; %(to)s decides"),
    Reason.SAID_TO_BE_SOLVED: gettext_noop("Said to be solved on the spot; it is checked all the same"),
    Reason.BROKEN: gettext_noop("This report could not be routed by the rules; %(to)s decides"),
}

ANSWERS: Final[Mapping[str, str]] = {
    Answer.HOLDS: gettext_noop("The rule “%(rule)s” holds: it decided."),
    Answer.CATEGORY: gettext_noop("The rule “%(rule)s” is for another category."),
    Answer.AREA: gettext_noop("The rule “%(rule)s” is for another area."),
    Answer.URGENCY: gettext_noop("The rule “%(rule)s” asks for another urgency."),
    Answer.HOURS: gettext_noop("The rule “%(rule)s” is for other hours."),
    Answer.OFF: gettext_noop("The rule “%(rule)s” would have held, but is switched off."),
    Answer.AREA_GONE: gettext_noop("The rule “%(rule)s” was passed over: its area is closed."),
    Answer.CATEGORY_GONE: gettext_noop("The rule “%(rule)s” was passed over: its category is not in use."),
    Answer.NO_TIER: gettext_noop("The rule “%(rule)s” was passed over: no cell of its tier lies above this place."),
    Answer.NO_DEPARTMENT: gettext_noop("The rule “%(rule)s” was passed over: there is no such department here."),
    Answer.NO_CALENDAR: gettext_noop("The rule “%(rule)s” was passed over: the calendar does not know this year."),
}


def sentence(reason: str, values: Mapping[str, object]) -> str:
    """The reason in the active language. An unknown code is shown as it is: an old history stays readable."""
    pattern = SENTENCES.get(reason)
    if pattern is None:
        return reason
    return translate(pattern) % {"from": "?", "to": "?", "rule": "?", "department": "?", "cell": "?", **values}


def answer_sentence(answer: str, rule: str) -> str:
    """What asking a rule gave, in the active language; an unknown code as it is."""
    pattern = ANSWERS.get(answer)
    return translate(pattern) % {"rule": rule} if pattern else f"{rule}: {answer}"
