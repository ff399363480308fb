"""The chain of handovers read as obligations: who waits for a result, where a return goes (reference: domain §6).

Feedback walks the chain backwards, one link at a time: each holder hands the result to whoever assigned it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy

IsWithin = Callable[[int, int], bool]  # (cell, ancestor)


class Holder(NamedTuple):
    """Who holds an issue: a cell, or a department that belongs to a cell."""

    grid_id: int
    department_id: int | None = None


class LinkKind(TextChoices):
    """How an issue came to a holder."""

    COLLECT = "collect", pgettext_lazy("handover", "collected")
    REPORT_UP = "report_up", pgettext_lazy("handover", "reported up")
    ASSIGN = "assign", pgettext_lazy("handover", "assigned")
    RETURN = "return", pgettext_lazy("handover", "returned")
    FEED_BACK = "feed_back", pgettext_lazy("handover", "fed back")
    REWORK = "rework", pgettext_lazy("handover", "sent for rework")
    ESCALATE = "escalate", pgettext_lazy("handover", "escalated for lateness")
    TRANSFER = "transfer", pgettext_lazy("handover", "transferred")
    ADJUDICATE = "adjudicate", pgettext_lazy("handover", "adjudicated")
    REOPEN = "reopen", pgettext_lazy("handover", "reopened")
    UNMERGE = "unmerge", pgettext_lazy("handover", "unmerged")


UPWARD = frozenset({LinkKind.REPORT_UP, LinkKind.ESCALATE})


@dataclass(frozen=True, slots=True)
class Link:
    """One handover. `giver` is None for the first; `is_automatic` where no person made it."""

    kind: LinkKind
    giver: Holder | None
    taker: Holder
    is_automatic: bool = False


def assigners(links: Sequence[Link], is_within: IsWithin) -> tuple[Holder, ...]:
    """Who waits for a result, the first assigner first; the last one is whom the present holder feeds back to."""
    waiting: list[Holder] = []
    for link in links:
        if link.kind in UPWARD:  # who reports up or is late gives the duty away, with all that was owed below there
            while waiting and is_within(waiting[-1].grid_id, link.taker.grid_id):
                waiting.pop()
        elif link.kind is LinkKind.UNMERGE:  # whoever ended it so takes it to itself: it owes a result to nobody below
            waiting = [one for one in waiting if not is_within(one.grid_id, link.taker.grid_id)]
        elif link.kind is LinkKind.FEED_BACK:
            del waiting[-1:]
        elif link.kind is LinkKind.RETURN and waiting and waiting[-1] == link.taker:
            waiting.pop()
        elif link.kind is LinkKind.ADJUDICATE:  # who rules takes over what was owed below, and waits for the result
            while waiting and link.giver is not None and is_within(waiting[-1].grid_id, link.giver.grid_id):
                waiting.pop()
            waiting += [link.giver] if link.giver is not None and link.giver != link.taker else []
        elif _makes_duty(link):
            waiting.append(link.giver)  # type: ignore[arg-type]  # _makes_duty has looked
    return tuple(waiting)


def _makes_duty(link: Link) -> bool:
    """Assigning, sending for rework, opening again and sending back down make the giver wait. A transfer changes who
    owes the result, not who waits for it.

    What routing assigned to a cell, nobody did. To a department it assigns on behalf of the cell it had come to: that
    cell is fed back to and concludes.
    """
    is_passing = link.kind in (LinkKind.ASSIGN, LinkKind.RETURN, LinkKind.REWORK, LinkKind.REOPEN)
    is_for_somebody = not link.is_automatic or link.taker.department_id is not None
    return is_passing and is_for_somebody and link.giver is not None and link.giver != link.taker


def reported_by(links: Sequence[Link], holder: Holder) -> Holder | None:
    """Who reported it to `holder` from below: past the hops of routing, which nobody on the way has touched."""
    last = next((n for n in reversed(range(len(links))) if links[n].kind in UPWARD and links[n].taker == holder), None)
    if last is None:
        return None
    first = last
    while _is_hop(links[first]) and first > 0 and _is_hop(links[first - 1]):
        first -= 1
    return links[first].giver


def _is_hop(link: Link) -> bool:
    return link.kind is LinkKind.REPORT_UP and link.is_automatic


def way_back(links: Sequence[Link], holder: Holder, is_within: IsWithin) -> tuple[Holder, bool] | None:
    """Whom a return goes to, and whether that is downward; None where nobody handed it over."""
    below = reported_by(links, holder)
    waiting = assigners(links, is_within)
    if below is not None and links[-1].kind in UPWARD:
        return below, True
    if waiting:
        return waiting[-1], False
    return (below, True) if below is not None else None


def was_returned_between(links: Sequence[Link], one: Holder, other: Holder) -> bool:
    """Whether it was returned from one of the two to the other before, whichever way.

    Each handover brings a clock of its own, so what may go back and forth for ever is never late anywhere.
    """
    pair = {one, other}
    return any(link.kind is LinkKind.RETURN and {link.giver, link.taker} == pair for link in links)


def last_fed_back_by(links: Sequence[Link]) -> Holder | None:
    """Who gave the result that lies before the present holder."""
    return next((link.giver for link in reversed(links) if link.kind is LinkKind.FEED_BACK), None)


def result_stands(links: Sequence[Link]) -> bool:
    """Whether a result waits to be checked: it was fed back, and since then only passed upward, unchecked."""
    last = next((link for link in reversed(links) if link.kind not in UPWARD), None)
    return last is not None and last.kind is LinkKind.FEED_BACK


def last_handled_by(links: Sequence[Link]) -> Holder | None:
    """Who did the work of the last result: where it was fed back link by link, the first of those who gave it. That it
    climbed in between, because nobody checked it in time, changes nothing.
    """
    giver: Holder | None = None
    for link in reversed(links):
        if link.kind is LinkKind.FEED_BACK:
            giver = link.giver
        elif giver is not None and link.kind not in UPWARD:
            break
    return giver


def declined_by(links: Sequence[Link]) -> tuple[Holder, ...]:
    """The departments that have returned it since the last ruling, each once, in order (reference: domain §6)."""
    found: dict[Holder, None] = {}
    for link in links:
        if link.kind is LinkKind.ADJUDICATE:
            found.clear()
        elif link.kind is LinkKind.RETURN and link.giver is not None and link.giver.department_id is not None:
            found[link.giver] = None
    return tuple(found)


def is_ruled(links: Sequence[Link], is_within: IsWithin) -> bool:
    """Whether its holder has it by a ruling, which binds: also for rework, opened again, or when what the holder gave
    on comes back. It ends when somebody above has it for lateness, or gives it to somebody anew.
    """
    bound: Holder | None = None
    for link in links:
        if link.kind is LinkKind.ADJUDICATE:
            bound = link.taker
        elif bound is not None and _frees(link, bound, is_within):
            bound = None
    return bound is not None and links[-1].taker == bound


def _frees(link: Link, bound: Holder, is_within: IsWithin) -> bool:
    """Whether a ruling for `bound` ends with the link. What goes on within a bound cell leaves it bound."""
    if link.kind in UPWARD:
        return link.taker != bound and is_within(bound.grid_id, link.taker.grid_id)
    if link.kind in (LinkKind.ASSIGN, LinkKind.TRANSFER):
        return link.giver != bound and not _is_below(link.giver, bound, is_within)
    return link.kind is LinkKind.UNMERGE


def _is_below(holder: Holder | None, cell: Holder, is_within: IsWithin) -> bool:
    return holder is not None and cell.department_id is None and is_within(holder.grid_id, cell.grid_id)
