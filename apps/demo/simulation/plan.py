"""What a simulation is to be: its seed, span, size and faults; and the moments at which the city's clock beats."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Final, Self
from zoneinfo import ZoneInfo

ISSUES_A_YEAR: Final = 280_000  # of the whole city (the founding article)
YEAR: Final = 365
QUARTER: Final = timedelta(minutes=15)
BUSY_QUARTERS: Final = range(7 * 4, 20 * 4 + 1)  # of the day: here the city's clock beats every quarter of an hour
NIGHT_QUARTERS: Final = (2 * 4, 4 * 4, 6 * 4, 22 * 4, 24 * 4)
BEATS: Final = sorted({*BUSY_QUARTERS, *NIGHT_QUARTERS})


@dataclass(frozen=True, slots=True)
class Plan:
    """`issues`: how many are reported in all. `shards`: processes that share the districts. Days are the city's."""

    seed: int
    starts_on: date
    days: int
    issues: int
    has_faults: bool
    shards: int
    kills: int = 0  # how often a process is killed outright
    until: datetime | None = None  # where the last day breaks off

    def as_text(self) -> str:
        """What names it: the same text, the same histories."""
        moments = {"starts_on": self.starts_on.isoformat(), "until": self.until and self.until.isoformat()}
        return json.dumps(asdict(self) | moments, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The plan that was written by `as_text`."""
        values = json.loads(text)
        values["starts_on"] = date.fromisoformat(values["starts_on"])
        values["until"] = datetime.fromisoformat(values["until"]) if values["until"] else None
        return cls(**values)

    @property
    def ends_on(self) -> date:
        """The day after the last one."""
        return self.starts_on + timedelta(days=self.days)

    def all_days(self) -> Iterator[date]:
        return (self.starts_on + timedelta(days=number) for number in range(self.days))

    def beats(self, day: date, tz: ZoneInfo) -> list[datetime]:
        """The moments of a day at which tasks run, as far as the plan goes."""
        return [moment for moment in beats(day, tz) if self.until is None or moment <= self.until]

    def dice(self, *names: object) -> Random:
        """Dice for one matter: thrown again they fall the same."""
        return Random(":".join(map(str, (self.seed, *names))))


def beats(day: date, tz: ZoneInfo) -> Iterator[datetime]:
    """The moments of a day at which tasks run: rings are answered, the sweep walks. The last one is its end."""
    start = datetime.combine(day, time(), tz)
    return (start + QUARTER * number for number in BEATS)
