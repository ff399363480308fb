"""Forgetting what was told long ago. The record of an issue is its history; a notice only led somebody there."""

from datetime import datetime
from typing import Final

from django.db.models import Exists, OuterRef

from apps.notices.models import Delivery, Notice

BATCH: Final = 5_000  # rows a transaction
MOST_BATCHES: Final = 100  # a night; the next one goes on


def purge_deliveries(*, before: datetime, batch: int = BATCH, most_batches: int = MOST_BATCHES) -> int:
    """Delete what was sent before the moment, in short transactions; returns how many."""
    total = 0
    for _ in range(most_batches):
        oldest = Delivery.objects.filter(state=Delivery.State.SENT, sent_at__lt=before).order_by("sent_at")
        count, _details = Delivery.objects.filter(id__in=oldest.values("id")[:batch]).delete()
        total += count
        if count < batch:
            break
    return total


def purge_notices(*, before: datetime, batch: int = BATCH, most_batches: int = MOST_BATCHES) -> int:
    """Delete what was told before the moment, read or not, in short transactions; returns how many notices.

    What waits to leave the house, or was given up, keeps its notice. Walks by id, which grows with time but for what
    was committed late: the walk ends at the first batch that is young throughout, so no index on time is needed.
    """
    total = last_id = 0
    is_unfinished = Exists(Delivery.objects.filter(notice=OuterRef("pk")).exclude(state=Delivery.State.SENT))
    free = Notice.objects.filter(~is_unfinished).order_by("id")
    for _ in range(most_batches):
        rows = list(free.filter(id__gt=last_id).values_list("id", "created_at")[:batch])
        old = [notice_id for notice_id, created_at in rows if created_at < before]
        if not old:
            break
        _all, counts = free.filter(id__in=old).delete()
        total += counts.get(Notice._meta.label, 0)
        last_id = rows[-1][0]
    return total
