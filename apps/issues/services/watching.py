"""Moves that watch over the work and its clock: suspending and resuming, more time, cards."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.deadlines import Limit, Unit, extend
from apps.issues.models import Handover, State
from apps.issues.selectors.calendar import work_calendar
from apps.issues.services import joint
from apps.issues.services.handovers import record
from apps.issues.services.making import Making
from apps.issues.services.pauses import keep_ladder, ladder_by_now, pause_clock, resume_clock
from apps.issues.workflow import Card, Give
from apps.issues.workflow.deeds import extensions


class TooMuchTime(Refused):
    """An extension is at most as long as the original limit."""

    sentence = _("At most %(limit)s more can be asked for, as long as the original limit.")
    field = Give.AMOUNT.value


class CardNotSharper(Refused):
    """A card only becomes sharper."""

    sentence = _("It has that card or a sharper one already; lift the supervision first.")
    field = Give.CARD.value
    status = 409


def suspend(making: Making) -> None:
    """Its clock stands still until the day that was given."""
    assert making.given.until is not None
    entry = making.entry
    issue, until = making.issue, making.given.until
    pause = pause_clock(issue=issue, until=until, now=entry.at, reason=entry.text, actor_id=entry.actor_id)
    if making.standing.told.co_handlings:
        joint.pause_parts(issue=issue, pause=pause)
    making.issue.state = making.state
    record(issue=making.issue, entry=entry)


def resume(making: Making) -> None:
    """Its clock goes on with what was left."""
    pause = resume_clock(issue=making.issue, now=making.entry.at)
    if making.standing.told.co_handlings:
        joint.resume_parts(issue=making.issue, pause=pause)
    making.issue.state = making.state
    record(issue=making.issue, entry=making.entry)


def ask_extension(making: Making) -> None:
    """The request waits in the history until it is decided, or the holder changes. Raises TooMuchTime."""
    assert making.given.amount is not None
    held = _held(making)
    limit = _original_limit(making, held)
    if making.given.amount > limit:
        raise TooMuchTime(limit=f"{limit.normalize():f} × {held.get_limit_unit_display()}")
    record(issue=making.issue, entry=making.entry_with(unit=held.limit_unit, limit=str(limit)))


def grant_extension(making: Making) -> None:
    """The moments ahead move by what was asked; the limit grows by it."""
    issue, held = making.issue, _held(making)
    asked = issue.events.filter(kind="ask_extension").latest("seq").payload
    extra = Limit(Decimal(asked["amount"]), Unit(held.limit_unit))
    calendar = work_calendar(issue.district_id)
    extended = extend(ladder_by_now(issue, held), extra=extra, now=making.entry.at, calendar=calendar)
    keep_ladder(issue, held, extended, making.entry.at)
    held.limit_amount += extra.amount
    held.save(update_fields=["limit_amount"])
    issue.next_action_at = held.rung_at[issue.step]  # in time: the due time at least is still ahead
    record(issue=issue, entry=making.entry_with(amount=asked["amount"], unit=held.limit_unit))


def supervise(making: Making) -> None:
    """督办, 黄牌, 红牌: one way. Raises CardNotSharper."""
    if making.given.card <= making.issue.card:
        raise CardNotSharper
    making.issue.card = making.given.card
    record(issue=making.issue, entry=making.entry)


def lift_card(making: Making) -> None:
    """取消督办."""
    making.issue.card = Card.NONE
    record(issue=making.issue, entry=making.entry)


def _held(making: Making) -> Handover:
    held = making.standing.told.open_handover
    assert held is not None and making.issue.state == State.HANDLING
    return held


def _original_limit(making: Making, held: Handover) -> Decimal:
    """The limit without the extensions granted so far."""
    if not extensions(making.standing.told.deeds):
        return held.limit_amount
    first = making.issue.events.filter(kind="ask_extension").order_by("seq").first()
    assert first is not None
    return Decimal(first.payload["limit"])
