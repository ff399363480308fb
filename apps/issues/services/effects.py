"""What each move does to the issue, beyond what its row of the table says for all moves alike."""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Final

from django.db import OperationalError
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.grids.selectors import tree
from apps.issues.models import Handover, Issue, LinkKind, State
from apps.issues.selectors.acting import Standing
from apps.issues.selectors.targets import HoldsItAlready, check_target
from apps.issues.services import joint, watching
from apps.issues.services.accountability import excuse
from apps.issues.services.filing import Report, file_report
from apps.issues.services.handovers import close, hand_over, record, sign
from apps.issues.services.making import Making
from apps.issues.services.writing import Entry
from apps.issues.workflow import By, Holder, Target, last_handled_by
from apps.issues.workflow.deeds import REVIEWERS, open_appeal

KINDS: Final[Mapping[str, LinkKind]] = {
    "handle": LinkKind.ASSIGN,  # a platform keeps it for itself: a new clock, no new holder
    "assign": LinkKind.ASSIGN,
    "transfer": LinkKind.TRANSFER,
    "adjudicate": LinkKind.ADJUDICATE,
    "report_up": LinkKind.REPORT_UP,
    "refer": LinkKind.REPORT_UP,  # with its result: the duty to check goes up
    "return": LinkKind.RETURN,
    "feed_back": LinkKind.FEED_BACK,
    "rework": LinkKind.REWORK,
    "reopen": LinkKind.REOPEN,
    "unmerge": LinkKind.UNMERGE,
}


# how a department loses what it has without giving a result: when it gets it again, its clock goes on
LOST: Final = frozenset({"return", "transfer", "adjudicate"})


class BeingChanged(Refused):
    """The other issue of a merge is under somebody else's hand at this very moment."""

    sentence = _("Somebody is working on the other issue at this moment; please try again.")
    field = "into"
    status = 409


def apply_move(making: Making) -> None:
    """Write what the table says, and what the move's own effect adds."""
    effect = EFFECTS.get(making.row.name)
    if effect is not None:
        effect(making)
    elif making.row.target is Target.NOBODY:
        _close(making)
    elif making.row.target is Target.STAYS:
        making.issue.state = making.state
        record(issue=making.issue, entry=making.entry)
    else:
        _pass_on(making)


def _close(making: Making) -> None:
    _end_joint_handling(making)
    close(issue=making.issue, state=making.state, entry=making.entry)


def _sign(making: Making) -> None:
    sign(issue=making.issue, state=making.state, entry=making.entry)


def _handle(making: Making) -> None:
    if making.issue.state == State.HANDLING:
        record(issue=making.issue, entry=making.entry)  # a note on the way: no clock moves
    else:
        _pass_on(making)


def _pass_on(making: Making) -> None:
    """To the next holder, with a clock of its own; who helped the last one helps no more."""
    holder, state = _taker(making)
    _end_joint_handling(making)
    helpers = joint.check_helpers(
        making.issue, making.given.co_departments, main=holder, desk=_desk(making), now=making.entry.at
    )
    entry = making.entry_with(co=[one.name for one in helpers]) if helpers else making.entry
    hand_over(
        issue=making.issue,
        to=holder,
        kind=KINDS[making.row.name],
        state=state,
        entry=entry,
        giver=_giver(making),
        before=_held_before(making, holder) if state == State.ASSIGNED else None,
    )
    joint.begin(issue=making.issue, departments=helpers, entry=entry)


def _end_joint_handling(making: Making) -> None:
    """Who helped the holder helps no more once it has passed on."""
    if making.standing.told.co_handlings:
        joint.end_all(issue_id=making.issue.id, outcome=making.row.name, now=making.entry.at)


def _feed_back(making: Making) -> None:
    joint.check_helpers_done(making.standing.told.co_handlings, without=making.given.without_co)
    _pass_on(making)


def _co_feed_back(making: Making) -> None:
    post = making.standing.posts[By.CO_HANDLER]
    assert post is not None and post.department_id is not None
    part = joint.feed_back(
        parts=making.standing.told.co_handlings, department_id=post.department_id, entry=making.entry
    )
    record(issue=making.issue, entry=making.entry_with(department=part.department.name))


def _reopen(making: Making) -> None:
    making.issue.closed_at = None
    _pass_on(making)


def _merge(making: Making) -> None:
    """The duplicate ends; the one that goes on learns of it, and its clock does not move."""
    assert making.given.into is not None
    main = _locked_open(making.given.into.pk)
    making.issue.merged_into = main
    Issue.objects.filter(pk=making.issue.pk).update(merged_into=main)
    _close(making)
    record(issue=main, entry=_told_to_other(making, "duplicate"))


def _unmerge(making: Making) -> None:
    main = making.issue.merged_into
    assert main is not None
    Issue.objects.filter(pk=making.issue.pk).update(merged_into=None)
    making.issue.merged_into, making.issue.closed_at = None, None
    _pass_on(making)
    record(issue=_locked_open(main.pk), entry=_told_to_other(making, "no_duplicate"))


def _locked_open(issue_id: int) -> Issue:
    """The other issue under lock; never waits for it, so that two merges cannot wait for each other."""
    rows = Issue.objects.filter(pk=issue_id, closed_at=None).select_for_update(of=("self",), no_key=True, nowait=True)
    try:
        found = rows.first()
    except OperationalError as error:
        raise BeingChanged from error
    if found is None:
        raise BeingChanged
    return found


def _told_to_other(making: Making, kind: str) -> Entry:
    entry = making.entry
    return Entry(kind, entry.at, entry.actor_id, entry.post_id, {"number": making.issue.number})


def _split(making: Making) -> None:
    """Each part is an issue of its own, filed at the same place by who splits, and routed like any other."""
    issue = making.issue
    numbers = []
    for text in making.given.parts:
        report = Report(issue.category_id, text, issue.lon, issue.lat, issue.accuracy_m, grid_id=issue.grid_id)
        filed = file_report(reporter=making.actor, report=report, now=making.entry.at)
        Issue.objects.filter(pk=filed.issue.pk).update(parent=issue)
        numbers.append(filed.issue.number)
    record(issue=issue, entry=making.entry_with(numbers=numbers))


def _uphold_appeal(making: Making) -> None:
    """When the second reviewer agrees, what the department was late with is excused."""
    record(issue=making.issue, entry=making.entry)
    if len(open_appeal(making.standing.told.deeds)) < REVIEWERS:
        return
    appeal = making.issue.events.filter(kind="appeal").order_by("-seq").select_related("post").first()
    if appeal is not None and appeal.post is not None and appeal.post.department_id is not None:
        excuse(issue_id=making.issue.id, department_id=appeal.post.department_id)


EFFECTS: Final[Mapping[str, Callable[[Making], None]]] = {
    "sign": _sign,
    "handle": _handle,
    "feed_back": _feed_back,
    "co_feed_back": _co_feed_back,
    "reopen": _reopen,
    "merge": _merge,
    "unmerge": _unmerge,
    "split": _split,
    "suspend": watching.suspend,
    "resume": watching.resume,
    "ask_extension": watching.ask_extension,
    "grant_extension": watching.grant_extension,
    "supervise": watching.supervise,
    "lift_card": watching.lift_card,
    "uphold_appeal": _uphold_appeal,
}


def _taker(making: Making) -> tuple[Holder, State]:
    """Who holds it next, and in which state."""
    row, standing = making.row, making.standing
    if row.target is Target.CHOSEN:
        return _chosen(making), making.state
    if row.target is Target.BACK:
        assert standing.chain.back is not None  # HAS_WAY_BACK
        holder, is_downward = standing.chain.back
        return holder, row.to_downward if is_downward and row.to_downward else making.state
    holders = {
        Target.STAYS: standing.holder,
        Target.SUPERIOR: _superior(making.issue),
        Target.ASSIGNER: standing.chain.assigner,
        Target.WHO_FED_BACK: standing.chain.fed_back_by,
        Target.LAST_HANDLER: _last_handler(standing),
        Target.ACTOR: Holder(_desk(making)),
    }
    found = holders[row.target]
    assert found is not None  # the conditions of the row have looked
    return found, making.state


def _last_handler(standing: Standing) -> Holder:
    """Who solved it; where it was concluded after feedback, who did that work."""
    if standing.told.handovers[-1].outcome == "self_handle":
        return standing.holder
    return last_handled_by(standing.chain.links) or standing.holder


def _chosen(making: Making) -> Holder:
    """Whom the actor names. Raises HoldsItAlready where it would be transferred to whom it is taken from."""
    holder = check_target(
        making.issue,
        desk=_desk(making),
        to_grid_id=making.to_grid_id,
        to_department_id=making.to_department_id,
        at=making.entry.at,
    )
    if making.row.name == "transfer" and holder == making.standing.holder:
        raise HoldsItAlready(target=making.standing.holder_name)
    return holder


def _held_before(making: Making, holder: Holder) -> Handover | None:
    """The holding whose clock goes on: of a department, the one it lost without a result; of whoever has it and keeps
    it by a ruling, the present one. Else anybody above could keep it from ever being late.
    """
    told = making.standing.told
    if holder == making.standing.holder and making.issue.state != State.ESCALATED and told.open_handover is not None:
        present = copy(told.open_handover)
        present.ended_at = making.entry.at
        return present
    if holder.department_id is None:
        return None
    own = [row for row in told.handovers if row.to_department_id == holder.department_id]
    return own[-1] if own and own[-1].outcome in LOST else None


def _giver(making: Making) -> Holder | None:
    """Who hands it over where that is not its holder: the assigner who transfers, the platform that rules."""
    if making.row.name in ("transfer", "adjudicate"):
        return Holder(_desk(making))
    return None


def _desk(making: Making) -> int:
    return making.standing.desk_for(making.row)


def _superior(issue: Issue) -> Holder | None:
    above = tree().superior(issue.holder_grid_id)
    return Holder(above.id) if above else None
