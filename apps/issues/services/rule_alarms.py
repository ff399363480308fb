"""A rule that cannot be asked is never silent: one alarm per rule and fault, until the rule is mended."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_noop

from apps.grids.selectors import tree
from apps.issues.models import RoutingRule, RuleAlarm
from apps.issues.routing import Answer
from apps.notices.services import Message, notify_all
from apps.staff.selectors import people_of_cell, system_administrators

TOLD: Final[Mapping[str, str]] = {
    Answer.OFF: gettext_noop("The routing rule “%(rule)s” is switched off: reports it would have caught pass it by"),
    Answer.AREA_GONE: gettext_noop("The routing rule “%(rule)s” is passed over: its area is closed"),
    Answer.CATEGORY_GONE: gettext_noop("The routing rule “%(rule)s” is passed over: its category is not in use"),
    Answer.NO_TIER: gettext_noop("The routing rule “%(rule)s” is passed over where no cell of its tier lies above"),
    Answer.NO_DEPARTMENT: gettext_noop("The routing rule “%(rule)s” is passed over where there is no such department"),
    Answer.NO_CALENDAR: gettext_noop(
        "The routing rule “%(rule)s” is passed over: the working calendar does not know the year %(year)s"
    ),
}

# Conflicts are alarms raised before. From the rules, so that one deleted meanwhile breaks nothing; in one order, so
# that two drains never wait for each other.
RAISE: Final = f"""
    INSERT INTO {RuleAlarm._meta.db_table} (rule_id, fault, detail, raised_at)
    SELECT rule.id, alarm.fault, alarm.detail, %(now)s
    FROM jsonb_to_recordset(%(alarms)s::jsonb) AS alarm (rule bigint, fault varchar(20), detail varchar(40))
    JOIN {RoutingRule._meta.db_table} AS rule ON rule.id = alarm.rule
    ORDER BY rule.id, alarm.fault
    ON CONFLICT DO NOTHING
    RETURNING rule_id, fault
"""


def raise_rule_alarms(*, alarms: Iterable[tuple[int, Answer]], now: datetime) -> int:
    """Note each (rule, answer) once and tell who can mend it; returns how many were new.

    No query without alarms, one while they are all known, four for new ones.
    """
    year = str(timezone.localtime(now).year)
    rows = [
        {"rule": rule, "fault": str(fault), "detail": year if fault is Answer.NO_CALENDAR else ""}
        for rule, fault in sorted(set(alarms))
    ]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(RAISE, {"alarms": json.dumps(rows), "now": now})
        new: list[tuple[int, str]] = cursor.fetchall()
    if new:
        _tell(new, year, now)
    return len(new)


def clear_rule_alarms(*, rule_set_id: int) -> None:
    """The rules of a set were looked at by a person: what is still wrong is told anew."""
    RuleAlarm.objects.filter(rule__rule_set_id=rule_set_id).delete()


def _tell(new: Sequence[tuple[int, str]], year: str, now: datetime) -> None:
    """System administrators get a link to the rules; the platform of the rule's area is told as well."""
    rules = RoutingRule.objects.in_bulk({rule_id for rule_id, _ in new})
    administrators = system_administrators(now)
    platforms = {rule.id: _platform(rule) for rule in rules.values()}
    people = people_of_cell({cell for cell in platforms.values() if cell is not None}, now)
    messages = []
    for rule_id, fault in new:
        rule = rules[rule_id]
        values = {"rule": rule.name} | ({"year": year} if fault == Answer.NO_CALENDAR else {})
        link = f"/admin/issues/ruleset/{rule.rule_set_id}/change/"
        messages.append(Message(administrators, TOLD[fault], values, link))
        at_platform = [one for one in people.get(platforms[rule_id] or 0, ()) if one not in set(administrators)]
        messages.append(Message(at_platform, TOLD[fault], values))
    notify_all(messages=messages, now=now)


def _platform(rule: RoutingRule) -> int | None:
    """The district of the rule's area, else the city."""
    index = tree()
    if rule.area_id is not None and index.has(rule.area_id):
        district = index.cell(rule.area_id).district_id
        if district is not None and index.cell(district).is_live:
            return district
    return index.city.id if index.city else None
