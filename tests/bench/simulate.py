"""Whole lives of issues a second: two weeks of the whole city through the simulator, with faults, in two processes.

Every report is filed, routed, swept and moved by the real services; the clock is virtual, nothing else.
"""

from collections.abc import Iterator
from datetime import date

from django.test import override_settings

from apps.demo.plan import DEFAULT_SEED
from apps.demo.services.simulation import running, scratch
from apps.demo.simulation.plan import ISSUES_A_YEAR, YEAR, Plan
from tests.bench import ground
from tests.bench.orm import use_database
from tests.bench.rows import Row, at_least, row

DATABASE = "simulate"
DAYS = 14
PLAN = Plan(1, date(2013, 1, 4), DAYS, ISSUES_A_YEAR * DAYS // YEAR, has_faults=True, shards=2, kills=2)


def bench() -> Iterator[Row]:
    """Reports lived a second, once."""
    ground.make_database(DATABASE)
    use_database(DATABASE)
    with override_settings(DEMO_ALLOWED=True):  # a database of this run alone
        scratch.prepare_city(PLAN, city_seed=DEFAULT_SEED, scale=1.0)
    ran = running.run(PLAN, lambda so_far: None)
    lost, doubled = running.lost_and_doubled(PLAN)
    moves = sum(ran.tally["done"].values())
    yield row(
        "simulate",
        ran.filed / ran.seconds,
        "lives/s",
        aim=at_least(80, "lives/s"),
        note=f"{ran.filed:,} reports, {moves:,} moves in {ran.seconds:.0f} s; lost {lost}, doubled {doubled}",
    )
