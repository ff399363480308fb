"""The past of the demo city: what was reported where, and the story each report lived. Pure: no ORM, no clock.

Most stories end well; some are late, returned, reworked, moved up; those of the last days are still going on. A few are
staged in 金水区 just before the present, so that every board and list of the demo accounts has something fresh.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from apps.demo.life import Actor, Life, Place, Setting, TakenUp, Unfinished
from apps.demo.names import pick
from apps.issues.routing import Decision
from apps.issues.services.loading import IssueRow
from apps.issues.workflow import Holder, LinkKind, State

LATE_SHARE = 0.04
RETURN_SHARE = 0.03
REWORK_SHARE = 0.04
ASSIGN_DOWN_SHARE = 0.45
SELF_HANDLED_SHARE = 0.5
MEMBER_SHARE = 0.3
STAR_REPORTS = 25
WEEKEND_SHARE = 0.6
HOURS = (7, 8, 8, 9, 9, 9, 10, 10, 11, 14, 14, 15, 15, 15, 16, 16, 17, 18, 19, 21)
SPOTS = (
    *("东门口", "西墙外", "主干道旁", "菜市场门口", "北门", "村口", "卫生室旁"),
    *("学校门前", "河边", "三号楼下", "小广场", "公交站旁", "十字路口", "南侧路边"),
)
RESULTS = ("已到现场处理，{}。", "{}，现场已拍照。", "已整改，{}，并回访当事人。")
RETURN_REASONS = ("不属于本单位职责，请转有权单位。", "权属不在本单位，现场已核实。")
REWORK_REASONS = ("现场复查仍有遗留，请继续处理。", "照片看不出已整改，请补充处理。")
NOTES = ("已派人到现场。", "正在协调施工单位。", "已下达整改通知书。")


@dataclass(frozen=True, slots=True)
class Subject:
    """A minor class as reports use it."""

    id: int
    code: str
    sentence: str
    concluding: str
    weight: float


@dataclass(frozen=True, slots=True)
class Cast:
    """Who acts where, now and for the whole past: by cell, and by department."""

    leaders: Mapping[int, Actor]
    members: Mapping[int, Sequence[Actor]]
    dispatchers: Mapping[int, Sequence[Actor]]
    handlers: Mapping[int, Sequence[Actor]]
    seconded: Mapping[tuple[int, int], Sequence[Actor]]  # (department, cell) → its people posted there
    departments: Mapping[tuple[int, str], int]  # (cell, kind) → department


@dataclass(frozen=True, slots=True)
class World:
    """The stage: level-3 cells with their chains upward and points inside, the cast, the rules."""

    setting: Setting
    cast: Cast
    chains: Mapping[int, Sequence[Place]]  # level-3 cell → itself, level 2, level 1, district, city
    points: Mapping[int, Sequence[tuple[float, float]]]
    subjects: Sequence[Subject]
    decide: Callable[[int, int, bool], Decision]  # category, level-3 cell, urgent
    star: int  # the ninth cell of 园田社区
    department_names: Mapping[int, str]
    rule_set: int | None


@dataclass(frozen=True, slots=True)
class Scene:
    """A staged report: so many minutes ago, and how far it has come.

    `at_star`: in the ninth cell, by its leader, or `by_member`: then the leader has something to do.
    """

    code: str
    minutes: int
    stop: str
    at_star: bool = False
    by_member: bool = False


STAGED = (
    Scene("070301", 1, "unsigned", at_star=True),  # the article's own: 有建筑垃圾未清运
    Scene("070101", 26, "unsigned", at_star=True, by_member=True),  # the cell's own powers
    Scene("070201", 52, "unsigned", at_star=True, by_member=True),
    Scene("070103", 38, "unsigned", at_star=True, by_member=True),  # the community's
    Scene("070501", 44, "unsigned", at_star=True, by_member=True),  # the street's
    Scene("071001", 8, "unsigned"),
    Scene("030101", 14, "unsigned"),
    Scene("071201", 21, "unsigned"),
    Scene("070302", 33, "unsigned"),
    Scene("020301", 47, "unsigned"),
    Scene("070301", 61, "signed", at_star=True),
    Scene("030102", 75, "signed"),
    Scene("070301", 95, "assigned", at_star=True),
    Scene("070302", 110, "assigned"),
    Scene("030101", 140, "assigned"),
    Scene("070301", 200, "handling"),
    Scene("030101", 260, "handling"),
    Scene("070301", 400, "fed_back", at_star=True),
    Scene("070302", 460, "fed_back"),
)


def tell_past(world: World, rng: Random, *, days: int, per_day: int) -> list[IssueRow]:
    """All issues of the last `days` days in the order in which they were filed, staged ones among them."""
    rows: list[IssueRow] = []
    wanted = list(_draw(world, rng, days, per_day))
    for filed_at, cell, subject in wanted:
        row = _report(world, rng, cell, subject, filed_at)
        _Story(world, rng, Life(world.setting, row), subject).live()
        rows.append(row)
    rows += stage(world, rng) if days else []
    return sorted(rows, key=lambda row: row.filed_at)


def stage(world: World, rng: Random) -> Iterator[IssueRow]:
    """The staged reports, all in the district of the ninth cell."""
    by_code = {subject.code: subject for subject in world.subjects}
    district = world.chains[world.star][3]
    near = [cell for cell, chain in world.chains.items() if chain[3] == district]
    for scene in STAGED:
        filed_at = world.setting.now - timedelta(minutes=scene.minutes, seconds=17)
        row = _report(world, rng, world.star if scene.at_star else pick(rng, near), by_code[scene.code], filed_at)
        row.is_urgent = False
        if scene.at_star:
            cast = world.cast
            reporter = cast.members[world.star][0] if scene.by_member else cast.leaders[world.star]
            row.reporter_id, row.reporter_post_id, row.text = reporter.user_id, reporter.post_id, ""
        _Story(world, rng, Life(world.setting, row), by_code[scene.code], scene.stop).live()
        yield row


def _draw(world: World, rng: Random, days: int, per_day: int) -> Iterator[tuple[datetime, int, Subject]]:
    """When, where and what, day by day; busier on working days and in working hours."""
    cells = list(world.chains)
    bag = [subject for subject in world.subjects for _ in range(max(1, round(subject.weight * 20)))]
    tz, now = world.setting.calendar.tz, world.setting.now
    star_share = STAR_REPORTS / max(1, days * per_day)
    for back in range(days, -1, -1):
        day = now.astimezone(tz).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)
        share = (1.0 if world.setting.calendar.is_working(day.date()) else WEEKEND_SHARE) * (0.96 + 0.3 * rng.random())
        for _ in range(round(per_day * share)):
            filed_at = day + timedelta(hours=pick(rng, HOURS), seconds=int(rng.random() * 3600))
            cell = world.star if rng.random() < star_share else pick(rng, cells)
            subject = pick(rng, bag)
            if now - timedelta(days=days) < filed_at < now - timedelta(minutes=2):
                yield filed_at, cell, subject


def _report(world: World, rng: Random, cell: int, subject: Subject, filed_at: datetime) -> IssueRow:
    lon, lat = _point(rng, world.points[cell])
    reporter = _reporter(world, rng, cell)
    text = "" if rng.random() < 0.25 else f"{pick(rng, SPOTS)}{subject.sentence}"
    return IssueRow(
        category_id=subject.id,
        text=text,
        lon=lon,
        lat=lat,
        grid_id=cell,
        district_id=world.chains[cell][3].id,
        reporter_id=reporter.user_id,
        reporter_post_id=reporter.post_id,
        is_urgent=rng.random() < 0.03,
        is_self_handled=False,
        state=State.COLLECTED.value,
        holder_grid_id=cell,
        holder_department_id=None,
        filed_at=filed_at,
        due_at=None,
        next_action_at=None,
        rung=0,
        closed_at=None,
    )


def _point(rng: Random, ring: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Between the cell's inner point (first) and one of its corners: every cell is seen whole from its inner point."""
    (x0, y0), (x1, y1) = ring[0], pick(rng, ring)
    share = 0.85 * rng.random()
    return round(x0 + share * (x1 - x0), 7), round(y0 + share * (y1 - y0), 7)


def _reporter(world: World, rng: Random, cell: int) -> Actor:
    """The cell's leader or a member; in a vacant cell whoever leads above."""
    members = world.cast.members.get(cell)
    if members and (cell not in world.cast.leaders or rng.random() < MEMBER_SHARE):
        return pick(rng, members)
    return next(world.cast.leaders[place.id] for place in world.chains[cell] if place.id in world.cast.leaders)


class _Story:
    """What people do about one report, until it is concluded, or the present or its staged stop is reached."""

    def __init__(self, world: World, rng: Random, life: Life, subject: Subject, stop: str = "") -> None:
        self.world, self.rng, self.life, self.subject, self.stop = world, rng, life, subject, stop
        self.chain = world.chains[life.row.grid_id]
        self.last = life.row.filed_at
        self.decision = world.decide(life.row.category_id, life.row.grid_id, life.row.is_urgent)

    def live(self) -> None:
        try:
            self._begin()
            while True:
                try:
                    self._go_on()
                    return
                except TakenUp:
                    continue
        except Unfinished:
            return

    def _begin(self) -> None:
        row, rng = self.life.row, self.rng
        reporter = Actor(row.reporter_id, row.reporter_post_id or 0)
        decision = self.decision
        at_home = decision.holder.id == row.grid_id
        row.is_self_handled = at_home and not self.stop and rng.random() < SELF_HANDLED_SHARE
        self.life.file(reporter)
        if row.is_self_handled:
            self.life.close(row.filed_at, "self_handle", reporter, {"text": self._result()})
            raise Unfinished
        self._route(decision)

    def _route(self, decision: Decision) -> None:
        at = self.life.row.filed_at + timedelta(seconds=1 + int(3 * self.rng.random()))
        places, below = self.world.setting.places, self.life.row.grid_id
        for hop in decision.hops:
            is_last = hop is decision.hops[-1]
            kind = LinkKind.ASSIGN if hop.department or hop.cell.id == below else LinkKind.REPORT_UP
            state = State(decision.state.value) if is_last else State.ESCALATED
            values = {"from": places[below].name, "to": places[hop.cell.id].name}
            payload: dict[str, Any] = {"reason": hop.reason.value, "values": values}
            holder = Holder(hop.cell.id)
            if hop.department is not None:
                holder = Holder(hop.department.cell_id, hop.department.id)
                values["cell"] = values["to"]
                values["department"] = self.world.department_names[hop.department.id]
            if hop.rule:
                values["rule"] = hop.rule
            if is_last:
                payload |= {"suggestion": decision.suggestion} if decision.suggestion else {}
                payload["trace"] = decision.trace.codes() | {"set": self.world.rule_set}
            self.life.hand_over(kind, holder, state, at, None, payload)
            below = hop.cell.id
        self.last = at
        self._stage("unsigned")

    def _go_on(self) -> None:
        """Whoever holds it now does what is theirs to do."""
        place = self.world.setting.places[self.life.row.holder_grid_id]
        if self.life.row.holder_department_id is not None:
            self._by_seconded(self.life.row.holder_department_id)
        elif place.tier <= 1:
            self._at_platform(place)
        else:
            self._in_cell(place)

    def _by_seconded(self, department: int) -> None:
        """The department's people in the cell handle it; the cell that it came from checks and concludes."""
        place = self.world.setting.places[self.decision.holder.id]
        handler = pick(self.rng, self._people_of(department))
        self.life.sign(self._when(0.03, 0.4), handler)
        self._feed_back(Holder(place.id), handler)
        is_platform = place.tier <= 1
        closer = pick(self.rng, self.world.cast.dispatchers[place.id]) if is_platform else self._leader(place)
        self.life.close(self._when(0.1, 0.8), "conclude", closer, {})

    def _people_of(self, department: int) -> Sequence[Actor]:
        """Those posted nearest to the place, else the department's desk."""
        posted = (self.world.cast.seconded.get((department, place.id)) for place in self.chain)
        return next((people for people in posted if people), None) or self.world.cast.handlers[department]

    def _in_cell(self, place: Place) -> None:
        leader = self._leader(place)
        self.life.sign(self._when(0.05, 0.4), leader)
        below = self._cell_below(place)
        if below is not None and self.rng.random() < ASSIGN_DOWN_SHARE:
            self._through_cell_below(place, leader, below)
            return
        if self.life.row.state == State.ESCALATED:
            self.life.note(self._when(0.1, 0.5), leader, pick(self.rng, NOTES))
        self.life.close(self._when(0.3, 0.95), "self_handle", leader, {"text": self._result()})

    def _through_cell_below(self, place: Place, leader: Actor, below: Place) -> None:
        text = f"请{below.name}核实处理：{self.subject.sentence}。"
        self._pass_on(LinkKind.ASSIGN, Holder(below.id), State.ASSIGNED, leader, text)
        helper = self._leader(below)
        self.life.sign(self._when(0.05, 0.4), helper)
        self._feed_back(Holder(place.id), helper)
        self.life.close(self._when(0.1, 0.8), "conclude", leader, {})

    def _at_platform(self, place: Place) -> None:
        dispatcher = pick(self.rng, self.world.cast.dispatchers[place.id])
        self.life.sign(self._when(0.05, 0.6), dispatcher)
        self._stage("signed")
        department = self._department(place)
        handler = pick(self.rng, self.world.cast.handlers[department])
        self._assign(place, department, dispatcher)
        if self.rng.random() < RETURN_SHARE and not self.stop:
            department, handler = self._after_return(place, department, handler, dispatcher)
        self.life.sign(self._when(0.03, 0.3), handler)
        self._stage("handling")
        if self.rng.random() < 0.3:
            self.life.note(self._when(0.2, 0.5), handler, pick(self.rng, NOTES))
        self._feed_back(Holder(place.id), handler)
        self._stage("fed_back")
        if self.rng.random() < REWORK_SHARE:
            self._rework(place, department, handler, dispatcher)
        self.life.close(self._when(0.1, 0.8), "conclude", dispatcher, {})

    def _assign(self, place: Place, department: int, dispatcher: Actor) -> None:
        text = f"请核实办理：{self.subject.sentence}。办结标准：{self.subject.concluding}。"
        self._pass_on(LinkKind.ASSIGN, Holder(place.id, department), State.ASSIGNED, dispatcher, text)
        self._stage("assigned")

    def _after_return(self, place: Place, department: int, handler: Actor, dispatcher: Actor) -> tuple[int, Actor]:
        """Not their duty: back to the platform, which asks another department."""
        reason = pick(self.rng, RETURN_REASONS)
        self._pass_on(LinkKind.RETURN, Holder(place.id), State.ESCALATED, handler, reason)
        others = [
            own for (cell, _), own in self.world.cast.departments.items() if cell == place.id and own != department
        ]
        other = pick(self.rng, others)
        self._assign(place, other, dispatcher)
        return other, pick(self.rng, self.world.cast.handlers[other])

    def _rework(self, place: Place, department: int, handler: Actor, dispatcher: Actor) -> None:
        reason = pick(self.rng, REWORK_REASONS)
        self._pass_on(LinkKind.REWORK, Holder(place.id, department), State.HANDLING, dispatcher, reason)
        self._feed_back(Holder(place.id), handler)

    def _feed_back(self, to: Holder, actor: Actor) -> None:
        self._pass_on(LinkKind.FEED_BACK, to, State.FED_BACK, actor, self._result(), 0.3, 0.98)

    def _pass_on(
        self,
        kind: LinkKind,
        to: Holder,
        state: State,
        actor: Actor,
        text: str,
        low: float = 0.1,
        high: float = 0.7,
    ) -> None:
        self.life.hand_over(kind, to, state, self._when(low, high), actor, {"text": text})

    def _when(self, low: float, high: float) -> datetime:
        """The moment of the next step: a share of the open clock, now and then past its end; minutes when staged."""
        if self.stop:
            self.last += timedelta(minutes=1 + int(4 * self.rng.random()))
            return self.last
        share = low + (high - low) * self.rng.random()
        if self.rng.random() < LATE_SHARE:
            share = 1.0 + 1.1 * self.rng.random()
        self.last = max(self.life.moment(share), self.last + timedelta(seconds=20))
        return self.last

    def _stage(self, reached: str) -> None:
        if self.stop == reached:
            self.life.advance(self.world.setting.now)
            raise Unfinished

    def _leader(self, place: Place) -> Actor:
        """Who leads the cell, or the nearest superior who does."""
        at: Place | None = place
        while at is not None and at.id not in self.world.cast.leaders:
            at = self.world.setting.places[at.above] if at.above else None
        return self.world.cast.leaders[at.id if at else self.chain[-1].id]

    def _cell_below(self, place: Place) -> Place | None:
        """The cell of the report's own chain just below, if somebody leads it."""
        index = self.chain.index(place)
        below = self.chain[index - 1] if index else None
        return below if below is not None and below.id in self.world.cast.leaders else None

    def _department(self, place: Place) -> int:
        kind = self.decision.suggestion or "chengguan"
        return self.world.cast.departments[place.id, kind]

    def _result(self) -> str:
        return pick(self.rng, RESULTS).format(self.subject.concluding)
