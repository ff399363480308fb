"""What the history says about asking, agreeing, rating, reviewing: facts are folded from events, not stored twice."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from apps.issues.workflow.states import State

OWN_WORK: Final = ("handle", "feed_back", "co_feed_back", "self_handle")  # and signing, where it begins the handling
_RESULTS: Final = ("feed_back", "self_handle")
MOST_EXTENSIONS: Final = 2
REVIEWERS: Final = 2  # of an appeal
_DECIDED: Final = ("grant_extension", "refuse_extension")
_HOLDER_CHANGES: Final = (
    *("assign", "transfer", "adjudicate", "report_up", "refer", "return", "feed_back", "rework", "escalate", "reopen"),
    "unmerge",
)


class Deed(NamedTuple):
    """One event, as far as facts are read from it. `state`: the issue's after it."""

    kind: str
    actor_id: int | None
    state: str


def did_the_work(deeds: Sequence[Deed], user_id: int) -> bool:
    """Whether the person did work that somebody else must check (docs/adr/0014).

    Who signed and then passed it on without a result did not handle it; who signed where the result was given, did.
    """
    has_signed = False
    for deed in deeds:
        is_own = deed.actor_id == user_id
        if (deed.kind in OWN_WORK and is_own) or (deed.kind in _RESULTS and has_signed):
            return True
        if deed.kind == "sign" and deed.state == State.HANDLING:
            has_signed = has_signed or is_own
        elif deed.kind in _HOLDER_CHANGES:
            has_signed = False
    return has_signed


def asked(deeds: Sequence[Deed]) -> list[Deed]:
    """The open request for more time: asking first, then agreeing; empty where nothing is asked.

    A change of holder ends a request, so does its decision.
    """
    request: list[Deed] = []
    for deed in deeds:
        if deed.kind == "ask_extension":
            request = [deed]
        elif deed.kind in _DECIDED or deed.kind in _HOLDER_CHANGES:
            request = []
        elif deed.kind == "agree_extension":
            request.append(deed)
    return request


def extensions(deeds: Sequence[Deed]) -> int:
    """How often it was extended. A refusal does not count."""
    return sum(deed.kind == "grant_extension" for deed in deeds)


def open_appeal(deeds: Sequence[Deed]) -> list[Deed]:
    """The appeal and its reviews so far; empty where there is none or it is decided."""
    found: list[Deed] = []
    for deed in deeds:
        if deed.kind == "appeal":
            found = [deed]
        elif deed.kind == "refuse_appeal":
            found = []
        elif deed.kind == "uphold_appeal" and found:
            found.append(deed)
    return found if len(found) <= REVIEWERS else []


def has(deeds: Sequence[Deed], kind: str, user_id: int | None = None) -> bool:
    """Whether it ever happened, by that person if one is named."""
    return any(deed.kind == kind and user_id in (None, deed.actor_id) for deed in deeds)
