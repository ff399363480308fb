"""Telling people: rows only. They are read in the platform; nothing leaves the database here."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
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

# What would be a pile of the same words on one person's desk becomes one sentence with a count.
WRITE_PILED = f"""
    INSERT INTO {Notice._meta.db_table} (recipient_id, channel, text, "values", link, created_at)
    SELECT recipient, %(channel)s, CASE WHEN pile.size > %(few)s THEN words.many ELSE words.one END,
        CASE WHEN pile.size > %(few)s THEN jsonb_build_object('count', pile.size) ELSE pile."values" END,
        CASE WHEN pile.size > %(few)s THEN pile.list ELSE pile.link END, %(now)s::timestamptz
    FROM (
        SELECT recipient, said.words, said."values", said.link, said.list, said.place,
            count(*) OVER desk AS size, row_number() OVER (desk ORDER BY said.place) AS number
        FROM jsonb_to_recordset(%(sayings)s::jsonb) AS said (
            place integer, recipients bigint[], words integer, "values" jsonb, link varchar(120), list varchar(120))
        CROSS JOIN LATERAL unnest(said.recipients) AS recipient
        WINDOW desk AS (PARTITION BY recipient, said.words)
    ) AS pile
    JOIN jsonb_to_recordset(%(words)s::jsonb) AS words (id integer, one varchar(200), many varchar(200))
        ON words.id = pile.words
    WHERE pile.size <= %(few)s OR pile.number = 1
    ORDER BY pile.place
"""


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """One thing, and many of it: English msgids, the first with places for a saying's values, the second %(count)s."""

    one: str
    many: str


class Saying(NamedTuple):
    """The same words for some people (ids of users, none twice) about one thing; `list_link` leads to many of it."""

    recipients: Sequence[int]
    words: Words
    values: Mapping[str, str | int]
    link: str
    list_link: str


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


def notify_piled(*, sayings: Iterable[Saying], few: int, now: datetime) -> int:
    """Tell people of many things in one statement; returns the number of notices written.

    More than `few` sayings with the same words to one person become one notice with their count and the first one's
    `list_link`.
    """
    numbers: dict[Words, int] = {}
    rows = [
        {
            "place": place,
            "recipients": recipients,
            "words": numbers.setdefault(words, len(numbers)),
            "values": values,
            "link": link,
            "list": list_link,
        }
        for place, (recipients, words, values, link, list_link) in enumerate(sayings)
        if recipients
    ]
    if not rows:
        return 0
    wordings = [{"id": number, "one": words.one, "many": words.many} for words, number in numbers.items()]
    sayings_and_words = {"sayings": _json(rows), "words": _json(wordings)}
    with connection.cursor() as cursor:
        cursor.execute(WRITE_PILED, {**sayings_and_words, "few": few, "channel": Notice.Channel.IN_APP, "now": now})
        return int(cursor.rowcount)


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return json.dumps(rows, ensure_ascii=False)


def mark_read(*, recipient_id: int, now: datetime, notice_id: int | None = None, up_to: int | None = None) -> int:
    """Note that the reader has seen one notice, or all up to an id, or (neither given) all; returns how many."""
    unread = Notice.objects.filter(recipient_id=recipient_id, read_at=None)
    if notice_id is not None:
        unread = unread.filter(id=notice_id)
    if up_to is not None:
        unread = unread.filter(id__lte=up_to)
    return unread.update(read_at=now)
