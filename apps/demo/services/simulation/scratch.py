"""A database of its own for a simulation: beside the real one, on the same server, with a city built for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from typing import Final

from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from psycopg2 import sql

from apps.common.refusals import Refused
from apps.demo.services.building import build_city
from apps.demo.simulation.plan import Plan
from apps.grids.models import Grid

ADMINISTRATION: Final = "postgres"


class MayNotCreate(Refused):
    """The role of DATABASE_URL has no right to create databases."""

    sentence = _("A simulation lives in a database of its own, and this user may not create one: grant CREATEDB.")


def scratch_name(plan: Plan) -> str:
    """The name of the plan's database: the same plan finds what it left there."""
    return f"{connection.settings_dict['NAME']}_simulation_{plan.seed}"[:63]


@contextmanager
def on_database(name: str) -> Iterator[None]:
    """Let Django's connection of this process lead to the database `name` meanwhile."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def create(name: str) -> bool:
    """Create the database if it is not there; whether it was created. Raises MayNotCreate."""
    with on_database(ADMINISTRATION), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if cursor.fetchone():
            return False
        try:
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except ProgrammingError as error:
            raise MayNotCreate from error
    return True


def drop(name: str) -> None:
    """Drop the database, whoever is in it."""
    with on_database(ADMINISTRATION), connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def prepare_city(plan: Plan, *, city_seed: int, scale: float) -> None:
    """Migrate the present database and build a city without a past, as it stood when the plan begins."""
    call_command("migrate", verbosity=0)
    if not Grid.objects.exists():
        start = timezone.make_aware(datetime.combine(plan.starts_on, time()))
        build_city(seed=city_seed, scale=scale, days=0, issues_per_day=0, reset=False, now=start)
