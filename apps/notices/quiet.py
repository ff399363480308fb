"""Quiet hours 免打扰时段, pure: when people are left alone. They hold back e-mail and SMS and stop no issue's clock."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

SPAN: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """From `starts` up to but not at `ends`, every day, by the city's wall clock; over midnight if it ends earlier.

    Equal times mean that there are none.
    """

    starts: time
    ends: time

    def __str__(self) -> str:
        return f"{self.starts:%H:%M}–{self.ends:%H:%M}"


def parse_quiet(text: str) -> Quiet | None:
    """Read "21:00-07:00"; "" means none. Raises ValueError for anything else."""
    if not text:
        return None
    match = SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"Quiet hours look like 21:00-07:00, not {text!r}.")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    return Quiet(time(hour, minute), time(end_hour, end_minute))


def quiet_until(quiet: Quiet | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the quiet that reigns at `now` (aware) ends; None when there is none."""
    if quiet is None or quiet.starts == quiet.ends:
        return None
    local = now.astimezone(zone)
    at = local.time()
    is_over_midnight = quiet.starts > quiet.ends
    has_begun, has_not_ended = at >= quiet.starts, at < quiet.ends
    is_quiet = (has_begun or has_not_ended) if is_over_midnight else (has_begun and has_not_ended)
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=is_over_midnight and has_begun)
    return datetime.combine(day, quiet.ends, zone)
