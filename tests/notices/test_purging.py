"""What was told and sent long ago is forgotten; what did not arrive is not."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries, Settings

from apps.common import clock
from apps.notices.models import Delivery, Notice, Way
from apps.notices.services.delivery import deliver_turn
from apps.notices.services.purging import purge_deliveries, purge_notices
from apps.notices.services.telling import mark_read
from apps.notices.tasks import purge
from tests.factories import NOW, Town
from tests.notices.wishes import newest_notice, stand, tell, wants

LIMIT = NOW - timedelta(days=180)


def tell_at(town: Town, *days: float) -> None:
    for number in days:
        tell(town.people.leader, now=NOW - timedelta(days=number))


def ages() -> list[int]:
    return [(NOW - at).days for at in Notice.objects.order_by("id").values_list("created_at", flat=True)]


def test_what_was_sent_long_ago_is_forgotten_in_batches(town: Town, texts: Path) -> None:
    wishes = wants(town.people.leader, Way.SMS, "137")
    wishes.since = NOW - timedelta(days=200)
    wishes.save()
    for days in (100, 99, 98, 1):
        tell_at(town, days)
        deliver_turn(now=NOW - timedelta(days=days))
    assert stand() == ["sent"] * 4
    assert purge_deliveries(before=NOW - timedelta(days=90), batch=2) == 3
    assert len(stand()) == 1
    assert Notice.objects.count() == 4


def test_notices_are_forgotten_read_or_not(town: Town) -> None:
    tell_at(town, 300, 200, 181, 180, 179, 1)
    mark_read(recipient_id=town.people.leader.id, now=NOW, notice_id=newest_notice().id)
    mark_read(recipient_id=town.people.leader.id, now=NOW, up_to=min(Notice.objects.values_list("id", flat=True)))
    assert purge_notices(before=LIMIT, batch=2) == 3
    assert ages() == [180, 179, 1]
    assert purge_notices(before=LIMIT, batch=2) == 0


@pytest.mark.parametrize("state", [Delivery.State.WAITING, Delivery.State.HELD, Delivery.State.GIVEN_UP])
def test_what_has_not_arrived_keeps_its_notice(town: Town, state: Delivery.State) -> None:
    tell_at(town, 302, 301, 300, 299, 298)
    first, second, *_others = Notice.objects.order_by("id")
    for notice, its_state in ((first, state), (second, Delivery.State.SENT)):
        Delivery.objects.create(
            notice=notice, channel=Way.SMS, state=its_state, next_attempt_at=NOW, created_at=notice.created_at
        )
    assert purge_notices(before=LIMIT, batch=1) == 4
    assert [row.notice_id for row in Delivery.objects.all()] == [first.id]
    assert list(Notice.objects.all()) == [first]


def test_a_notice_committed_late_is_found_among_younger_ones(town: Town) -> None:
    tell_at(town, 300, 10, 299, 9, 298)
    assert purge_notices(before=LIMIT, batch=5) == 3
    assert ages() == [10, 9]


def test_the_walk_ends_where_all_is_young(town: Town) -> None:
    tell_at(town, 300, 10, 9, 8, 298)
    assert purge_notices(before=LIMIT, batch=2) == 1
    assert ages() == [10, 9, 8, 298]


def test_a_night_has_an_end_and_the_next_goes_on(town: Town) -> None:
    tell_at(town, 300, 299, 298)
    assert purge_notices(before=LIMIT, batch=1, most_batches=2) == 2
    assert purge_notices(before=LIMIT, batch=1, most_batches=2) == 1


@pytest.mark.parametrize("count", [3, 12])
def test_a_batch_costs_the_same_however_many(
    town: Town, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    tell_at(town, *range(300, 300 - count, -1))
    with django_assert_num_queries(5):  # a batch, its rows, deleting deliveries and notices, no second batch
        assert purge_notices(before=LIMIT) == count


def test_each_night_both_are_forgotten(town: Town, settings: Settings) -> None:
    settings.NOTICE_KEEP_DAYS = 30
    tell(town.people.leader, now=clock.now() - timedelta(days=31))
    tell(town.people.leader, now=clock.now() - timedelta(days=29))
    purge()
    assert Notice.objects.count() == 1


def test_the_command_says_what_it_forgot_and_keeps_a_day(town: Town) -> None:
    tell(town.people.leader, now=clock.now() - timedelta(days=3))
    out = StringIO()
    call_command("purge_notices", "--notice-days", "2", stdout=out)
    assert out.getvalue().strip() == "已删除投递记录 0 条、通知 1 条"
    with pytest.raises(CommandError, match="至少"):
        call_command("purge_notices", "--notice-days", "0")
