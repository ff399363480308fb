"""What a person chooses: channels, language, quiet hours."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.common import queue
from apps.notices.models import PERSONAL_WAYS, ChannelSetting, Delivery, QuietHours, Way
from apps.notices.quiet import Quiet
from apps.notices.services.delivery import DELIVER
from apps.staff.models import User


@dataclass(frozen=True, slots=True)
class Choice:
    """By which channels, where ("" is the address kept with the person), in which language ("" is that of the pages).

    quiet: own hours, equal times for none; None for the city's.
    """

    ways: Collection[Way]
    addresses: dict[Way, str]
    language: str
    quiet: Quiet | None


@transaction.atomic
def choose_channels(*, user: User, choice: Choice, now: datetime) -> None:
    """Keep the choice. What waits for a channel that is switched off now is dropped; what quiet hours held back is
    looked at again. A channel that is switched on tells what comes from now on.
    """
    before = {setting.channel: setting for setting in ChannelSetting.objects.select_for_update().filter(user=user)}
    for way in PERSONAL_WAYS:
        _keep(user, way, choice, before.get(way), now)
    if choice.quiet is None:
        QuietHours.objects.filter(user=user).delete()
    else:
        hours = {"starts_at": choice.quiet.starts, "ends_at": choice.quiet.ends}
        QuietHours.objects.update_or_create(user=user, defaults=hours)
    pending = Delivery.objects.filter(notice__recipient=user, channel__in=PERSONAL_WAYS)
    switched_off = [way for way in PERSONAL_WAYS if way not in choice.ways]
    pending.filter(channel__in=switched_off, state__in=[Delivery.State.WAITING, Delivery.State.HELD]).delete()
    if pending.filter(state=Delivery.State.HELD).update(state=Delivery.State.WAITING, next_attempt_at=now):
        queue.ring_once_after_commit(DELIVER)


def _keep(user: User, way: Way, choice: Choice, before: ChannelSetting | None, now: datetime) -> None:
    is_active = way in choice.ways
    if before is None and not is_active:
        return
    was_active = before is not None and before.is_active
    setting = before or ChannelSetting(user=user, channel=way)
    setting.address, setting.language = choice.addresses.get(way, ""), choice.language
    setting.is_active = is_active
    if is_active and not was_active:
        setting.since = now
    setting.save()
