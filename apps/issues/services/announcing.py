"""Who is told of a move that somebody made, and in which words. Nobody is told of their own deed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_noop

from apps.common import queue
from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.selectors.reporters import Reported, reports_of, supporters_of
from apps.issues.services.making import Making
from apps.issues.workflow import Holder
from apps.notices.services import Message, notify_all
from apps.notices.services.delivery import DELIVER
from apps.staff.selectors import handlers_for, people_of_cell

TO_HOLDER: Final[Mapping[str, str]] = {
    "assign": gettext_noop("Report %(number)s of %(cell)s is assigned to you"),
    "transfer": gettext_noop("Report %(number)s of %(cell)s is transferred to you"),
    "adjudicate": gettext_noop("Report %(number)s of %(cell)s is yours by a ruling: %(text)s"),
    "report_up": gettext_noop("Report %(number)s of %(cell)s is reported up to you"),
    "refer": gettext_noop("Report %(number)s of %(cell)s needs your check: who holds it handled it"),
    "return": gettext_noop("Report %(number)s of %(cell)s has come back to you"),
    "feed_back": gettext_noop("Report %(number)s of %(cell)s is fed back: please check the result"),
    "co_feed_back": gettext_noop("A co-handler of report %(number)s of %(cell)s has fed back"),
    "rework": gettext_noop("Report %(number)s of %(cell)s must be done again"),
    "reopen": gettext_noop("Report %(number)s of %(cell)s is open again: %(text)s"),
    "unmerge": gettext_noop("Report %(number)s of %(cell)s goes on by itself again"),
    "urge": gettext_noop("Please hurry with report %(number)s of %(cell)s"),
    "resume": gettext_noop("Report %(number)s of %(cell)s goes on: its clock runs again"),
    "suspend": gettext_noop("Report %(number)s of %(cell)s is suspended until %(until)s"),
    "grant_extension": gettext_noop("More time was granted for report %(number)s of %(cell)s"),
    "refuse_extension": gettext_noop("No more time was granted for report %(number)s of %(cell)s"),
    "supervise": gettext_noop("Report %(number)s of %(cell)s is watched from above: %(text)s"),
}
TO_ASSIGNER: Final[Mapping[str, str]] = {
    "ask_extension": gettext_noop("More time is asked for report %(number)s of %(cell)s"),
}
TO_HELPERS: Final = gettext_noop("You are asked to help with report %(number)s of %(cell)s")
TO_LOSER: Final = gettext_noop("Report %(number)s of %(cell)s was given to somebody else")
TO_PARTIES: Final = gettext_noop("A ruling was made on report %(number)s of %(cell)s: %(text)s")
TO_REPORTERS: Final[Mapping[str, str]] = {
    "conclude": gettext_noop("Your report %(number)s of %(cell)s is concluded"),
    "self_handle": gettext_noop("Your report %(number)s of %(cell)s is concluded"),
    "reject": gettext_noop("Your report %(number)s of %(cell)s was not accepted: %(text)s"),
    "cancel": gettext_noop("Your report %(number)s of %(cell)s was cancelled: %(text)s"),
    "merge": gettext_noop("Your report %(number)s of %(cell)s goes on together with another report of the same matter"),
    "adjudicate": TO_PARTIES,
    "suspend": gettext_noop("Your report %(number)s of %(cell)s has to wait until %(until)s: %(text)s"),
}
# who reported a duplicate may not open what goes on: their own number and page, and nobody's words about another report
TO_MERGED: Final[Mapping[str, str]] = {
    "conclude": TO_REPORTERS["conclude"],
    "self_handle": TO_REPORTERS["self_handle"],
    "reject": gettext_noop("Your report %(number)s of %(cell)s was not accepted"),
    "cancel": gettext_noop("Your report %(number)s of %(cell)s was cancelled"),
    "adjudicate": gettext_noop("A ruling was made on the matter of your report %(number)s of %(cell)s"),
    "suspend": gettext_noop("Your report %(number)s of %(cell)s has to wait until %(until)s"),
}
TO_SUPPORTERS: Final[Mapping[str, str]] = {  # who supports it may not open it: no number, no link, nobody's words
    "conclude": gettext_noop("What you saw too in %(cell)s is concluded"),
    "self_handle": gettext_noop("What you saw too in %(cell)s is concluded"),
    "reject": gettext_noop("What you saw too in %(cell)s was not accepted"),
    "cancel": gettext_noop("What you saw too in %(cell)s was cancelled"),
    "suspend": gettext_noop("What you saw too in %(cell)s has to wait until %(until)s"),
}
SUPPORTED: Final = "/m/supported/"  # the list of what somebody supports
LONGEST_QUOTE: Final = 120


class _Told(NamedTuple):
    people: Sequence[int]
    text: str
    about: Issue | Reported
    link: str = ""  # the page of what it is about, if it is empty


def announce(making: Making) -> None:
    """Tell holder, helpers, parties and reporters, in one statement. Call it after the move was written."""
    entry = making.entry
    messages = [
        Message(
            [one for one in people if one != entry.actor_id],
            text,
            _values(making, text, about),
            link or f"/i/{about.number}/",
        )
        for people, text, about, link in _first_words_count(_told(making))
    ]
    if notify_all(messages=messages, now=entry.at):
        queue.ring_once_after_commit(DELIVER)


def _told(making: Making) -> Iterator[_Told]:
    name, issue, at = making.row.name, making.issue, making.entry.at
    if name in TO_HOLDER:
        yield _Told(_people_of(issue, _holder(issue), at), TO_HOLDER[name], issue)
    if name in TO_ASSIGNER and making.standing.chain.assigner is not None:
        yield _Told(_people_of(issue, making.standing.chain.assigner, at), TO_ASSIGNER[name], issue)
    if making.given.co_departments:
        helpers = [person for one in making.given.co_departments for person in handlers_for(one, issue.grid_id, at)]
        yield _Told(helpers, TO_HELPERS, issue)
    if name == "transfer":
        yield _Told(_people_of(issue, making.standing.holder, at), TO_LOSER, issue)
    if name == "adjudicate":
        parties = {*making.standing.chain.declined, making.standing.holder}
        yield _Told([person for party in parties for person in _people_of(issue, party, at)], TO_PARTIES, issue)
    if name in TO_REPORTERS:
        yield from _to_reporters(issue, name)
    if name in TO_SUPPORTERS:
        yield _Told(supporters_of(issue), TO_SUPPORTERS[name], issue, SUPPORTED)


def _to_reporters(issue: Issue, name: str) -> Iterator[_Told]:
    """Each of their own report; who reported a duplicate of what is merged only now has heard so before."""
    own, *merged = reports_of(issue)
    yield _Told([own.reporter_id], TO_REPORTERS[name], own)
    if name in TO_MERGED:
        for one in merged:
            yield _Told([one.reporter_id], TO_MERGED[name], one)


def _first_words_count(told: Iterable[_Told]) -> Iterator[_Told]:
    """Somebody who would hear of it twice hears what comes first."""
    known: set[int] = set()
    for people, text, about, link in told:
        fresh = [person for person in dict.fromkeys(people) if person not in known]
        known.update(fresh)
        yield _Told(fresh, text, about, link)


def _values(making: Making, pattern: str, about: Issue | Reported) -> Mapping[str, str | int]:
    """What the text has places for; words are quoted short, the rest stands on the issue's page."""
    text = making.entry.text
    until = making.given.until
    values: dict[str, Any] = {
        "number": about.number,
        "cell": tree().cell(about.grid_id).name,
        "text": text[:LONGEST_QUOTE] + "…" * (len(text) > LONGEST_QUOTE),
        "until": until.date().isoformat() if until else "",
    }
    return {name: value for name, value in values.items() if f"%({name})s" in pattern}


def _holder(issue: Issue) -> Holder:
    return Holder(issue.holder_grid_id, issue.holder_department_id)


def _people_of(issue: Issue, holder: Holder, at: datetime) -> Sequence[int]:
    if holder.department_id is not None:
        return handlers_for(holder.department_id, issue.grid_id, at)
    return people_of_cell([holder.grid_id], at)[holder.grid_id]
