"""The city changes while it works: leaders leave and are followed, cells come under another village, get another name.

Each change is drawn from what stood the day before, so that making it again changes nothing.
"""

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Final

from apps.demo.accounts import DEMO_ACCOUNTS
from apps.demo.services.simulation.cast import Cast, Held
from apps.demo.simulation.plan import Plan
from apps.grids.models import Grid, Lineage, Tier
from apps.grids.selectors import tree
from apps.grids.services import move_cell, rename_cell
from apps.issues.deadlines import WorkCalendar
from apps.staff.models import Post, Role
from apps.staff.services.posts import Appointment, appoint, end_post

LEAVES: Final = 0.0008  # of the leaders of level 2 and 3, a day: about a quarter in a year
GAP: Final = (3, 45)  # days until somebody follows
MOVES: Final = 1 / 60  # cells a day and district
RENAMES: Final = 1 / 45


class Changes:
    """What changes in some districts, day by day."""

    def __init__(self, plan: Plan, cast: Cast, calendar: WorkCalendar) -> None:
        self.plan, self.cast, self.calendar = plan, cast, calendar
        self.counts: Counter[str] = Counter()
        names = {account.username for account in DEMO_ACCOUNTS}
        self.kept = {user.id for user in cast.users.values() if user.username in names}  # they stay where they are

    def make(self, day: date, district: int) -> None:
        """Everything that changes in the district as that day begins."""
        self._people(day, district)
        self._cells(day, district)

    def _people(self, day: date, district: int) -> None:
        before = day - timedelta(days=1)
        code = tree().cell(district).code
        for tier in (Tier.LEVEL2, Tier.LEVEL3):
            dice = self.plan.dice("leave", day, code, int(tier))
            for held in self.cast.leaders(district, tier):
                if held.is_stand_in or not held.is_valid(before):
                    self._follow(held, day)
                elif dice.random() < LEAVES and held.since < before and held.user not in self.kept:
                    self._leave(held, day)

    def _leave(self, held: Held, day: date) -> None:
        if held.until is None:
            end_post(post=Post.objects.get(id=held.id), on=day)
            held.until = day
            self.counts["posts vacated"] += 1

    def _follow(self, held: Held, day: date) -> None:
        """Somebody follows who left during the simulation, some weeks later."""
        if held.is_stand_in or held.until is None or held.until < self.plan.starts_on:
            return
        cell = tree().cell(held.grid)
        dice = self.plan.dice("follow", held.until, cell.code)
        if held.until + timedelta(days=dice.randint(*GAP)) != day or self._has_leader(held.grid, day):
            return
        members = [post.user for post in self.cast.members.get(held.grid, ()) if post.is_valid(day)]
        others = [post.user for post in self.cast.acting.get(cell.parent_id or 0, ()) if post.is_valid(day)]
        people = sorted(set(members) or set(others) or {held.user})
        user = self.cast.users[dice.choice(people)]
        post = appoint(appointment=Appointment(user, Grid.objects.get(id=held.grid), Role.LEADER, day))
        self.cast.add(Held(post.id, user.id, held.grid, Role.LEADER, day, None, is_stand_in=False))
        self.counts["posts filled"] += 1

    def _has_leader(self, grid: int, day: date) -> bool:
        posts = self.cast.acting.get(grid, ())
        return any(post.role == Role.LEADER and not post.is_stand_in and post.is_valid(day) for post in posts)

    def _cells(self, day: date, district: int) -> None:
        dice = self.plan.dice("cells", day, tree().cell(district).code)
        is_move, is_rename = dice.random() < MOVES, dice.random() < RENAMES
        index = tree()
        cells = sorted(
            (cell for id in index.subtree_ids(district) if (cell := index.cell(id)).tier == Tier.LEVEL3),
            key=lambda cell: cell.code,
        )
        moved, renamed, place = dice.choice(cells), dice.choice(cells), dice.random()
        if is_move and not self._is_kept(moved.id):
            self._move(moved.id, place, datetime.combine(day, time(), self.calendar.tz))
        if is_rename and not self._is_kept(renamed.id) and not renamed.name.endswith("（新）"):
            rename_cell(cell_id=renamed.id, name=f"{renamed.name}（新）")
            self.counts["cells renamed"] += 1

    def _is_kept(self, cell_id: int) -> bool:
        """Whether somebody with a demo account acts for the cell: what their pages are said to show stays true."""
        return any(held.user in self.kept for held in self.cast.acting.get(cell_id, ()))

    def _move(self, cell_id: int, place: float, now: datetime) -> None:
        """Under the village next to its own, of the same street."""
        index = tree()
        cell = index.cell(cell_id)
        own = index.cell(cell.parent_id or 0)
        villages = sorted(index.children(own.parent_id or 0), key=lambda one: one.code)
        others = [one for one in villages if one.id != own.id and one.is_live]
        was_made = Lineage.objects.filter(old_id=cell_id, kind=Lineage.Kind.MOVE, happened_at=now).exists()
        if others and len(index.children(own.id)) > 1 and not was_made:
            move_cell(cell_id=cell_id, parent_id=others[int(place * len(others))].id, now=now)
            self.counts["cells moved"] += 1
