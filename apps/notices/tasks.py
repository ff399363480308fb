"""Doorbells of this room; see apps/issues/tasks.py."""

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from apps.common import clock, heartbeat, queue
from apps.notices.services.delivery import DELIVER, deliver_turn, only_deliverer
from apps.notices.services.purging import purge_deliveries, purge_notices

PURGE = "notices.purge"


@shared_task(name=DELIVER)
def deliver() -> None:
    """Carry out what waits; what one short turn leaves rings again. A turn at work already makes this one needless."""
    queue.answer_ring(DELIVER)
    with only_deliverer() as is_only:
        has_more = is_only and deliver_turn(now=clock.now()).has_more
    if is_only:
        heartbeat.beat("deliver", clock.now())
    if has_more:
        queue.after_commit(DELIVER)


@shared_task(name=PURGE)
def purge() -> None:
    """Forget what was sent, and what was told, long ago."""
    now = clock.now()
    purge_deliveries(before=now - timedelta(days=settings.DELIVERY_KEEP_DAYS))
    purge_notices(before=now - timedelta(days=settings.NOTICE_KEEP_DAYS))
