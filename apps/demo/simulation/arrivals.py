"""When and where something is reported, day by day: busier on working days and in working hours."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from random import Random
from typing import Final

from apps.demo.simulation.plan import Plan
from apps.issues.deadlines import WorkCalendar

HOURS: Final = (7, 8, 8, 9, 9, 9, 10, 10, 11, 14, 14, 15, 15, 15, 16, 16, 17, 18, 19, 21)
AT_NIGHT: Final = 0.01
DAY_OFF: Final = 0.6
URGENT: Final = 0.03
BY_MEMBER: Final = 0.3
SOLVED_ON_THE_SPOT: Final = 0.5  # of what a level-3 cell may handle itself
SILENT: Final = 0.25
SENT_TWICE: Final = 0.02


@dataclass(frozen=True, slots=True)
class Subject:
    """A minor class as reports use it. `is_local`: a level-3 cell may handle it."""

    id: int
    sentence: str
    concluding: str
    weight: float
    is_local: bool
    is_grave: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something to be reported. `name` is its key: whoever files it again files nothing new."""

    name: str
    at: datetime
    grid: int
    subject: Subject
    lon: float
    lat: float
    text: str
    by_member: bool
    is_urgent: bool
    is_solved: bool
    is_sent_twice: bool


@dataclass(frozen=True, slots=True)
class Places:
    """The level-3 cells of each district, in the order of their codes, and points inside each."""

    cells: Mapping[int, Sequence[int]]
    points: Mapping[int, Sequence[tuple[float, float]]]
    codes: Mapping[int, str]  # of the districts


class Arrivals:
    """The reports of a simulation. The sum over all days is about the plan's number of issues."""

    def __init__(self, plan: Plan, places: Places, subjects: Sequence[Subject], calendar: WorkCalendar) -> None:
        self.plan, self.places, self.subjects, self.calendar = plan, places, subjects, calendar
        self.bag = list(accumulate(subject.weight for subject in subjects))
        self.whole = sum(self._weight(day) for day in plan.all_days())
        self.cells = sum(len(cells) for cells in places.cells.values())

    def _weight(self, day: date) -> float:
        return 1.0 if self.calendar.is_working(day) else DAY_OFF

    def of_day(self, day: date, districts: Collection[int]) -> list[Arrival]:
        """What is reported on that day in those districts, in the order of time."""
        found = [one for district in sorted(districts) for one in self._of_district(day, district)]
        return sorted(found, key=lambda one: (one.at, one.name))

    def _of_district(self, day: date, district: int) -> Iterator[Arrival]:
        code = self.places.codes[district]
        dice = self.plan.dice("day", day, code)
        cells = self.places.cells[district]
        expected = self.plan.issues * self._weight(day) / self.whole * len(cells) / self.cells
        for number in range(int(expected * (0.85 + 0.3 * dice.random()) + dice.random())):
            name = f"sim-{self.plan.seed}-{day:%y%m%d}-{code[:6]}-{number}"
            yield self._arrival(name, day, cells[int(dice.random() * len(cells))], dice)

    def _arrival(self, name: str, day: date, grid: int, dice: Random) -> Arrival:
        subject = dice.choices(self.subjects, cum_weights=self.bag)[0]
        hour = int(dice.random() * 24) if dice.random() < AT_NIGHT else dice.choice(HOURS)
        at = datetime.combine(day, time(hour), self.calendar.tz) + timedelta(seconds=int(dice.random() * 3600))
        lon, lat = self._point(grid, dice)
        return Arrival(
            name,
            at,
            grid,
            subject,
            lon,
            lat,
            text="" if dice.random() < SILENT else subject.sentence,
            by_member=dice.random() < BY_MEMBER,
            is_urgent=dice.random() < URGENT,
            is_solved=subject.is_local and dice.random() < SOLVED_ON_THE_SPOT,
            is_sent_twice=dice.random() < SENT_TWICE,
        )

    def _point(self, grid: int, dice: Random) -> tuple[float, float]:
        """Between the cell's inner point (first) and a corner: the demo's cells are seen whole from there."""
        (x0, y0), (x1, y1) = self.places.points[grid][0], dice.choice(self.places.points[grid])
        share = 0.85 * dice.random()
        return round(x0 + share * (x1 - x0), 7), round(y0 + share * (y1 - y0), 7)
