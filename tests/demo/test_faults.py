"""The faults that a simulation injects: real deaths of real connections, or its promises would prove nothing."""

import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.db import connection, transaction

from apps.demo.models import SimulatedShard
from apps.demo.services.simulation.faults import DIES, DIES_AFTER, Faults, WorkerDied, _Death

STATEMENTS = 3


class Loaded(Random):
    """Dice that fall as they are told, and on the first statement."""

    def __init__(self, *falls: float, statement: int = 1) -> None:
        super().__init__(0)
        self.falls, self.statement = list(falls), statement

    def random(self) -> float:
        """The next fall."""
        return self.falls.pop(0)

    def randint(self, a: int, b: int) -> int:
        """The statement that it dies at."""
        return self.statement


def write() -> int:
    """A transaction of three statements; how many rows there are then."""
    with transaction.atomic():
        for number in range(STATEMENTS - 1):
            SimulatedShard.objects.create(plan="faults", number=number)
        return SimulatedShard.objects.count()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("nth", range(1, STATEMENTS + 1))
def test_death_comes_before_the_nth_statement_and_everything_is_rolled_back(nth: int) -> None:
    sent: list[str] = []

    def heard(execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]) -> object:
        sent.append(sql)
        return execute(sql, params, many, context)

    with pytest.raises(WorkerDied), connection.execute_wrapper(_Death(nth)), connection.execute_wrapper(heard):
        write()
    connection.close()
    assert len(sent) == nth - 1
    assert not SimulatedShard.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_call_with_fewer_statements_survives() -> None:
    with connection.execute_wrapper(_Death(STATEMENTS + 1)):
        assert write() == STATEMENTS - 1


@pytest.mark.django_db(transaction=True)
def test_who_died_is_followed_by_another_who_does_it_once() -> None:
    faults = Faults(True, Loaded(DIES / 2, 1.0, statement=STATEMENTS))
    assert faults.survive(write) == STATEMENTS - 1
    assert SimulatedShard.objects.count() == STATEMENTS - 1
    assert faults.counts == {"worker died": 1}


@pytest.mark.django_db(transaction=True)
def test_who_died_after_the_commit_is_followed_by_another_who_finds_it_done() -> None:
    faults = Faults(True, Loaded(DIES / 2, DIES_AFTER / 2))
    assert faults.survive(write, again=SimulatedShard.objects.count) == STATEMENTS - 1
    assert faults.counts == {"worker died": 1, "died after the commit": 1}


@pytest.mark.django_db(transaction=True)
def test_a_doubled_task_runs_twice_at_the_same_time_in_two_connections() -> None:
    meet, workers = threading.Barrier(2, timeout=20), set[int]()

    def task() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            workers.add(cursor.fetchone()[0])
        meet.wait()  # a second one that came after the first would wait in vain

    Faults(True, Random(0)).twice_at_once(task)
    assert len(workers) == 2
    assert not meet.broken


@pytest.mark.django_db(transaction=True)
def test_without_faults_nothing_goes_wrong() -> None:
    faults = Faults(False, Loaded())
    assert not faults.happens("task doubled", 1.0)
    assert faults.survive(write) == STATEMENTS - 1
    assert not faults.counts
