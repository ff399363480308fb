"""People and systems that asked to be told, and short ways to look at their deliveries."""

from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Any

from apps.notices import kinds
from apps.notices.channels.signatures import new_secret
from apps.notices.models import ChannelSetting, Delivery, Notice, Way, WebhookEndpoint
from apps.notices.services import notify
from apps.staff.models import User
from tests.factories import NOW

LOOPBACK = (ip_network("127.0.0.0/8"),)
TEXT = "Beyond the powers of %(from)s"  # a msgid of the catalogue
BEFORE = NOW - timedelta(days=30)
NIGHT = NOW.replace(hour=23)

kinds.register("test.wakes", ["Urgent matter of %(from)s"], is_urgent=True)
WAKES = "Urgent matter of %(from)s"


def wants(person: User, way: Way, address: str = "", language: str = "") -> ChannelSetting:
    return ChannelSetting.objects.create(user=person, channel=way, address=address, language=language, since=BEFORE)


def endpoint(url: str, **values: Any) -> WebhookEndpoint:
    made: dict[str, Any] = {"name": url[-60:], "secret": new_secret(), "since": BEFORE}
    return WebhookEndpoint.objects.create(url=url, **(made | values))


def tell(*people: User, now: datetime = NOW, text: str = TEXT, **values: Any) -> None:
    notify(
        recipients=[person.id for person in people], text=text, values={"from": "园田", **values}, link="/i/1/", now=now
    )


def stand(*fields: str) -> list[Any]:
    """The deliveries' states, or the named fields, in the order in which people were told."""
    rows = Delivery.objects.order_by("notice_id", "id")
    return list(rows.values_list(*fields) if len(fields) > 1 else rows.values_list(*(fields or ("state",)), flat=True))


def newest_notice() -> Notice:
    return Notice.objects.order_by("-id")[0]
