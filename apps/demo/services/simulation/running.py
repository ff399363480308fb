"""All shards of a simulation at once, each a process of its own; one that dies is started again and goes on."""

import os
import signal
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from random import Random
from time import monotonic
from typing import Any, Final

from django.db import connection

from apps.common.embedded.process import end_with_parent
from apps.demo.models import SimulatedShard
from apps.demo.services.simulation.shard import Shard
from apps.demo.services.simulation.stage import Stage, read_stage
from apps.demo.simulation.plan import Plan
from apps.issues.models import Issue

PATIENCE: Final = 0.5  # seconds between two looks
OnProgress = Callable[["Progress"], None]


class ShardFailed(RuntimeError):
    """A shard ended by itself before its end: a fault in the simulation or the platform; its traceback is printed."""


@dataclass(frozen=True)
class Progress:
    """How far the slowest shard has come, and what all have filed since they were started."""

    day: date
    filed: int
    kills: int


@dataclass
class Ran:
    """What a run did. `tally`: by kind of count and name, over all shards from the beginning of the plan."""

    seconds: float = 0.0
    filed: int = 0
    kills: int = 0
    tally: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@dataclass
class _Worker:
    number: int
    process: Any
    pipe: Connection
    is_done: bool = False
    is_gone: bool = False  # its end of the pipe is closed
    day: date | None = None
    filed: int = 0


def run(plan: Plan, on_progress: OnProgress) -> Ran:
    """Live the plan to its end in the present database. Stopped and called again, it goes on.

    Raises ShardFailed. A shard killed from outside (the plan's own kills among them) is started again.
    """
    began, ran = monotonic(), Ran()
    stage = read_stage(plan)
    parts = share_out(stage, plan.shards)
    connection.close()
    workers = {number: _start(stage, number, districts) for number, districts in enumerate(parts)}
    killer = _Killer(plan)
    try:
        while not all(worker.is_done for worker in workers.values()):
            for worker in list(workers.values()):
                _hear(worker, ran)
                if worker.is_gone and not worker.is_done:
                    workers[worker.number] = _again(stage, worker, parts[worker.number])
            ran.kills += killer.strike(workers.values())
            on_progress(_progress(plan, workers.values(), ran))
            wait([worker.pipe for worker in workers.values() if not worker.is_done], timeout=PATIENCE)
    finally:
        for worker in workers.values():
            worker.process.kill()
            worker.process.join()
    ran.seconds = monotonic() - began
    return ran


def share_out(stage: Stage, shards: int) -> list[list[int]]:
    """Districts dealt out so that every shard has about as many cells."""
    parts: list[list[int]] = [[] for _ in range(shards)]
    cells = stage.places.cells
    for district in sorted(cells, key=lambda one: (-len(cells[one]), one)):
        min(parts, key=lambda part: sum(len(cells[one]) for one in part)).append(district)
    return parts


def _start(stage: Stage, number: int, districts: Collection[int]) -> _Worker:
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_live, args=(stage, number, districts, theirs, os.getpid()), daemon=True)
    process.start()
    theirs.close()
    return _Worker(number, process, ours)


def _again(stage: Stage, worker: _Worker, districts: Collection[int]) -> _Worker:
    worker.process.join()
    if worker.process.exitcode != -signal.SIGKILL:
        raise ShardFailed(f"shard {worker.number} ended with {worker.process.exitcode}")
    return _start(stage, worker.number, districts)


def _live(stage: Stage, number: int, districts: Collection[int], pipe: Connection, parent: int) -> None:
    """The child: a shard with a connection of its own."""
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it

    def on_day(day: date, shard: Shard) -> None:
        pipe.send((day, shard.filed, None))

    try:
        connection.connect()
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")  # a crash of the server is not among the faults here
        shard = Shard(stage, number, districts)
        shard.run(on_day)
        pipe.send((None, shard.filed, shard.tally()))
    except BaseException:  # noqa: BLE001 - whatever it is, the parent tells of it
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _hear(worker: _Worker, ran: Ran) -> None:
    while worker.pipe.poll():
        try:
            day, filed, tally = worker.pipe.recv()
        except (EOFError, ConnectionError):
            worker.is_gone = True
            return
        worker.day, worker.filed = day or worker.day, filed
        if tally is not None:
            worker.is_done = True
            ran.filed += filed
            for kind, counts in tally.items():
                ran.tally[kind].update(counts)


def _progress(plan: Plan, workers: Collection[_Worker], ran: Ran) -> Progress:
    days = [worker.day or plan.starts_on for worker in workers]
    return Progress(min(days), sum(worker.filed for worker in workers), ran.kills)


class _Killer:
    """Kills shards outright, spread over the run; where exactly, no dice say, for no outcome depends on it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.dice = plan, Random(f"{plan.seed}:kills")
        self.left = plan.kills

    def strike(self, workers: Collection[_Worker]) -> int:
        """Kill one, if it is time; how many were killed."""
        alive = [worker for worker in workers if not worker.is_done and worker.day is not None]
        if not self.left or not alive:
            return 0
        victim = self.dice.choice(alive)
        assert victim.day is not None
        struck = self.plan.kills - self.left
        if (victim.day - self.plan.starts_on).days < self.plan.days * (struck + 1) / (self.plan.kills + 1):
            return 0
        self.left -= 1
        victim.process.kill()
        return 1


def lost_and_doubled(plan: Plan) -> tuple[int, int]:
    """How many reports of the plan are not in the database, and how many are there more than once."""
    stage = read_stage(plan)
    wanted = {one.name for day in plan.all_days() for one in stage.arrivals.of_day(day, stage.places.cells)}
    keys = Issue.objects.filter(parent=None).values_list("client_key", flat=True)
    found = Counter(keys.iterator(chunk_size=20_000))
    return len(wanted - found.keys()), sum(found.values()) - len(found)


def reached(plan: Plan) -> datetime | None:
    """How far an earlier run of the plan came; None where there was none."""
    rows = SimulatedShard.objects.filter(plan=plan.as_text()).values_list("reached_at", flat=True)
    moments: Iterator[datetime] = (moment for moment in rows if moment is not None)
    return min(moments, default=None)
