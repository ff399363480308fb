"""One shard of the simulated city: some of its districts, from where they stood to the end, beat by beat.

Between two beats of the virtual clock people file and move, each at their own moment; at the beat the tasks run. What
is kept is the moment that was reached: a shard that was killed goes through its last beat once more, and whatever it
had done then is found done.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from django.db import connection
from django.db.models import Q

from apps.common.queue import answered_by
from apps.demo.models import SimulatedShard
from apps.demo.services.simulation.acting import Acts
from apps.demo.services.simulation.cast import Cast
from apps.demo.services.simulation.changes import Changes
from apps.demo.services.simulation.faults import DOUBLED, LOST, Faults
from apps.demo.services.simulation.recalling import recalled, seen_after
from apps.demo.services.simulation.stage import Stage
from apps.demo.simulation.arrivals import Arrival
from apps.demo.simulation.cases import Case, Seen
from apps.demo.simulation.habits import IN_VAIN, next_wake, wishes
from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.services.accountability import record_late
from apps.issues.services.escalation import sweep
from apps.issues.services.filing import Filed, Report, file_report
from apps.issues.services.routing import route_turn

ROUTING = "issues.route_waiting"
MOST_TRIES = 5
CROSSING = frozenset({"merge", "unmerge", "split"})  # moves that others' cases feel at once
FROM_OTHERS = frozenset({"duplicate", "no_duplicate"})  # and what these feel
INSTANT = timedelta(microseconds=1)
# After the end come a rating, an appeal and two reviews, each up to 92 hours and a long holiday after the one before.
AFTERWARDS = timedelta(days=60)
OnDay = Callable[[date, "Shard"], None]


@dataclass
class Shard:
    """A shard at work. `districts`: their ids."""

    stage: Stage
    number: int
    districts: Collection[int]
    row: SimulatedShard = field(init=False)
    cases: dict[int, Case] = field(default_factory=dict)
    wakes: list[tuple[datetime, str, int]] = field(default_factory=list)  # a heap: when, whose, its id
    rings: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    last_event: int = 0

    def __post_init__(self) -> None:
        plan = self.stage.plan
        self.row, _ = SimulatedShard.objects.get_or_create(plan=plan.as_text(), number=self.number)
        self.cast = Cast.read(self.districts)
        self.faults = Faults(plan.has_faults, plan.dice("faults", self.number, self.row.reached_at))
        self.acts = Acts(self.cast, self.faults)
        self.changes = Changes(plan, self.cast, self.stage.calendar)

    def run(self, on_day: OnDay) -> None:
        """Live from where it stopped to the end of the plan."""
        self._recall()
        with answered_by(lambda task, ids: self.rings.add(task)):
            for day in self.stage.plan.all_days():
                self._live_day(day)
                on_day(day, self)

    @property
    def filed(self) -> int:
        """How many reports were filed here, by all the processes that have lived this shard."""
        return self.tally()[""].get("filed", 0)

    def tally(self) -> dict[str, dict[str, int]]:
        """What was done, what was refused and what went wrong, by name; what a killed process did since its last beat
        is not counted twice.
        """
        own = {"done": self.acts.done, "refused": self.acts.refused, "changes": self.changes.counts}
        own |= {"faults": self.faults.counts, "": self.counts}
        return {kind: dict(counts + Counter(self.row.tally.get(kind, {}))) for kind, counts in own.items()}

    def _live_day(self, day: date) -> None:
        reached, moments = self.row.reached_at, self.stage.plan.beats(day, self.stage.calendar.tz)
        if not moments:
            return
        if reached is not None and moments[-1] <= reached:
            return
        for district in sorted(self.districts):
            self.changes.make(day, district)
        arrivals = [one for one in self.stage.arrivals.of_day(day, self.districts) if not reached or one.at > reached]
        arrivals.reverse()
        for beat in moments:
            if reached is None or beat > reached:
                self._live_until(beat, arrivals)
                self._run_tasks(beat)
                self._look()
                SimulatedShard.objects.filter(pk=self.row.pk).update(reached_at=beat, tally=self.tally())

    # --- people ---------------------------------------------------------------------------------------

    def _live_until(self, beat: datetime, arrivals: list[Arrival]) -> None:
        """Everything that people do up to the beat, in the order of time. `arrivals`: the next one last."""
        while True:
            arrival = arrivals[-1].at if arrivals and arrivals[-1].at <= beat else None
            wake = self.wakes[0][0] if self.wakes and self.wakes[0][0] <= beat else None
            if arrival is not None and (wake is None or arrival <= wake):
                self._file(arrivals.pop())
            elif wake is not None:
                self._wake(*heapq.heappop(self.wakes))
            else:
                return

    def _file(self, one: Arrival) -> None:
        filed = self.faults.survive(lambda: self._send(one))
        self.counts["filed"] += 1
        if one.is_sent_twice and self._send(one).created:
            raise AssertionError(f"{one.name} was filed twice")
        issue = filed.issue
        if not filed.created and (issue.id in self.cases or issue.version > 2):
            return  # it was filed before this shard was killed, and is known
        case = Case(one.name, issue.id, one.subject.id, one.grid, issue.district_id or 0, issue.reporter_id)
        held = (issue.holder_grid_id, issue.holder_department_id, issue.due_at, issue.reporter_id)
        self.cases[issue.id] = case
        self._observe(case, Seen(1, "file", one.at, "collected", *held))
        if issue.closed_at is not None:
            self._observe(case, Seen(2, "self_handle", one.at, issue.state, *held))

    def _send(self, one: Arrival) -> Filed:
        dice = self.stage.plan.dice("reporter", one.name)
        reporter = self.cast.reporter(one.grid, one.at.date(), dice, is_member=one.by_member)
        report = Report(
            category_id=one.subject.id,
            text=one.text,
            lon=one.lon,
            lat=one.lat,
            accuracy_m=12.0,
            is_urgent=one.is_urgent,
            is_self_handled=one.is_solved,
            result=f"已到现场处理，{one.subject.concluding}。" if one.is_solved else "",
            client_key=one.name,
        )
        return file_report(reporter=self.cast.users[reporter], report=report, now=one.at)

    def _wake(self, at: datetime, _name: str, issue_id: int) -> None:
        case = self.cases.get(issue_id)
        if case is None or case.wake_at != at:
            return  # something else has happened meanwhile
        case.wake_at = None
        dice = self.stage.plan.dice("wish", case.name, case.version, case.tries)
        version, tier = case.version, tree().cell(case.holder_grid).tier
        if self.acts.fulfil(case, wishes(case, tier, dice, at), dice, at):
            assert case.version > version
            self._plan_wake(case)
            if case.kind in CROSSING:
                self._look()
            return
        self.counts["nothing was possible"] += 1
        self._was_in_vain(case, at)

    def _was_in_vain(self, case: Case, at: datetime) -> None:
        """Nothing could be done: somebody tries again, but not for ever, and not after the end."""
        case.tries += 1
        self._set_wake(case, at + IN_VAIN if case.is_open and case.tries < MOST_TRIES else None)

    # --- tasks ----------------------------------------------------------------------------------------

    def _run_tasks(self, beat: datetime) -> None:
        if ROUTING in self.rings and not self._is_lost("routing", beat):
            self.rings.clear()
            self._call(lambda: self._route(beat))
        if not self._is_lost("sweep", beat):
            self._call(lambda: self._sweep(beat))
        if not beat.minute and not self._is_lost("record", beat):  # the day counts, not the minute
            self._call(lambda: record_late(districts=self.districts))

    def _is_lost(self, task: str, beat: datetime) -> bool:
        """Whether a task's ring is lost. The next one does the work, later: so these dice must fall the same again."""
        plan = self.stage.plan
        is_lost = plan.has_faults and plan.dice("lost", task, beat.isoformat()).random() < LOST
        self.faults.counts["ring lost"] += is_lost
        return is_lost

    def _call(self, task: Callable[[], object]) -> None:
        if self.faults.happens("task doubled", DOUBLED):
            self.faults.twice_at_once(task)
        else:
            self.faults.survive(task)

    def _route(self, beat: datetime) -> None:
        while route_turn(now=beat, districts=self.districts).has_more:
            pass

    def _sweep(self, beat: datetime) -> None:
        while True:
            result = sweep(now=beat, districts=self.districts)
            if not result.remaining and not result.has_unrouted:
                return

    # --- what is known --------------------------------------------------------------------------------

    def _recall(self) -> None:
        """All that is open, and what closed so lately that somebody may still do something about it."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM issues_issueevent")
            [self.last_event] = cursor.fetchone() or (0,)
        start = datetime.combine(self.stage.plan.starts_on, time(), self.stage.calendar.tz)
        reached = self.row.reached_at or start
        self.rings.add(ROUTING)  # what a killed process may have heard and not answered
        lately = Q(closed_at=None) | Q(closed_at__gt=reached - AFTERWARDS)
        issues = Issue.objects.filter(lately, district_id__in=self.districts)
        for case, history in recalled(issues, prefix=f"sim-{self.stage.plan.seed}-"):
            self.cases[case.id] = case
            self._relive(case, history, reached)

    def _relive(self, case: Case, history: Iterable[Seen], reached: datetime) -> None:
        """Go through its history as it was lived. Whoever woke and left no event had woken in vain."""
        for seen in history:
            is_made = seen.actor is not None and seen.kind not in FROM_OTHERS  # by whoever woke for this case
            self._wake_in_vain(case, seen.at - INSTANT if is_made else seen.at)
            if is_made:
                case.wake_at = None
            self._observe(case, seen)
        self._wake_in_vain(case, reached)

    def _wake_in_vain(self, case: Case, until: datetime) -> None:
        while case.wake_at is not None and case.wake_at <= until:
            self._was_in_vain(case, case.wake_at)

    def _look(self) -> None:
        """Take in what the tasks did."""
        events, self.last_event = seen_after(self.last_event)
        unknown = {id for id, seen in events if id not in self.cases and seen.kind == "file"}
        for part, _history in recalled(Issue.objects.filter(id__in=unknown, district_id__in=self.districts), prefix=""):
            if "/" in part.name:  # a part of a report that was split
                self.cases[part.id] = part
        for issue_id, seen in events:
            case = self.cases.get(issue_id)
            if case is not None and seen.version > case.version:
                self._observe(case, seen)

    def _observe(self, case: Case, seen: Seen) -> None:
        case.observe(seen)
        self._plan_wake(case)

    def _plan_wake(self, case: Case) -> None:
        dice = self.stage.plan.dice("wake", case.name, case.version)
        self._set_wake(case, next_wake(case, dice, self.stage.calendar))

    def _set_wake(self, case: Case, at: datetime | None) -> None:
        case.wake_at = at
        if at is not None:
            heapq.heappush(self.wakes, (at, case.name, case.id))
        elif not case.is_open:
            self.cases.pop(case.id, None)
