"""Telling people: rows only. They are read in the platform; nothing leaves the database here."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from django.db import connection

from apps.notices.models import Notice

WRITE = f"""
    INSERT INTO {Notice._meta.db_table} (recipient_id, channel, text, "values", link, created_at)
    SELECT recipient, %(channel)s, said.text, said."values", said.link, %(now)s::timestamptz
    FROM jsonb_to_recordset(%(messages)s::jsonb)
        AS said (recipients bigint[], text varchar(200), "values" jsonb, link varchar(120))
    CROSS JOIN LATERAL unnest(said.recipients) AS recipient
"""


class Message(NamedTuple):
    """One text for some people. `text` is an English msgid; its %(name)s places are filled from `values` on reading.

    recipients: ids of users; each is told once. link: a path of this site, or "".
    """

    recipients: Collection[int]
    text: str
    values: Mapping[str, str | int] = MappingProxyType({})
    link: str = ""


def notify(*, recipients: Collection[int], text: str, values: Mapping[str, str | int], link: str, now: datetime) -> int:
    """Tell each of `recipients` (ids of users) once; returns how many were told."""
    return notify_all(messages=[Message(recipients, text, values, link)], now=now)


def notify_all(*, messages: Iterable[Message], now: datetime) -> int:
    """Tell many people many things in one statement; returns the number of notices written."""
    said = [
        {
            "recipients": list(dict.fromkeys(message.recipients)),
            "text": message.text,
            "values": dict(message.values),
            "link": message.link,
        }
        for message in messages
        if message.recipients
    ]
    if not said:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            WRITE, {"messages": json.dumps(said, ensure_ascii=False), "channel": Notice.Channel.IN_APP, "now": now}
        )
        return int(cursor.rowcount)


def mark_read(*, recipient_id: int, now: datetime, notice_id: int | None = None, up_to: int | None = None) -> int:
    """Note that the reader has seen one notice, or all up to an id, or (neither given) all; returns how many."""
    unread = Notice.objects.filter(recipient_id=recipient_id, read_at=None)
    if notice_id is not None:
        unread = unread.filter(id=notice_id)
    if up_to is not None:
        unread = unread.filter(id__lte=up_to)
    return unread.update(read_at=now)
