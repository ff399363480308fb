"""Building a demo city: plan it, load cells and people, seed the rules, and give it a past. All or nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from time import monotonic

from django.apps import apps
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.demo.accounts import DEMO_ACCOUNTS, DEMO_PASSWORD, claim_accounts
from apps.demo.people import Roster, plan_people
from apps.demo.plan import CityPlan, plan_city
from apps.demo.services.notices import tell_city
from apps.demo.services.past import tell_city_past
from apps.grids.models import Grid, Tier
from apps.grids.services import CellRow, load_cells
from apps.issues.models import Power
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services.accountability import record_late
from apps.issues.services.calendar import seed_calendar
from apps.issues.services.catalogue import load_catalogue
from apps.issues.services.loading import load_issues
from apps.staff.models import User
from apps.staff.services.loading import DepartmentRow, PersonRow, PostRow, load_staff

FOUNDED = date(2012, 6, 1)
"""The day from which the city's grid management ran to rule; no demo post is older."""
FULL_ISSUES_PER_DAY = 770
SECONDED_KINDS = ("gongshang", "shiyao")  # of their work much is done by people seconded to streets 下沉人员

STEPS = {
    "plan": _("Planning cells and people"),
    "erase": _("Erasing the old city"),
    "cells": _("Loading cells and boundaries"),
    "people": _("Loading people, departments and posts"),
    "rules": _("Loading categories, powers and the calendar"),
    "past": _("Living through the past days"),
    "history": _("Writing the histories of issues"),
}
"""The steps in their order, for a progress bar."""

OnStep = Callable[[str], None]


class CannotBuild(Refused):
    """Base of the refusals here."""

    sentence = _("The demo city cannot be built.")


class DemoNotAllowed(CannotBuild):
    """The database is the operator's own, and nobody said that it is for a demonstration."""

    sentence = _(
        "A demo city brings accounts with a known password, so it is not built in a database named by DATABASE_URL. "
        "Set GRID_DEMO=1 if this database is for demonstration."
    )


class CityExists(CannotBuild):
    """There is a city, and nobody asked to erase it."""

    sentence = _("There is a city in this database already. --reset erases it with all its people and issues.")


class NotADemoCity(CannotBuild):
    """The city was imported or drawn by somebody: --reset erases demo cities only."""

    sentence = _("The city in this database was not built by build_city, so it is not erased.")


class BadScale(CannotBuild):
    """The scale is not above 0 and at most 1."""

    sentence = _("The scale must be above 0 and at most 1.")


class BadPast(CannotBuild):
    """More than a year of past, or a negative number of days or issues."""

    sentence = _("The past may have 0 to 366 days, with 0 or more issues a day.")


@dataclass(slots=True)
class Built:
    """What was built, and the seconds each phase took."""

    cells: int = 0
    people: int = 0
    posts: int = 0
    issues: int = 0
    events: int = 0
    notices: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, phase: str, on_step: OnStep) -> Iterator[None]:
        on_step(phase)
        began = monotonic()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + monotonic() - began


def city_exists() -> bool:
    """Whether there is anything a new city would collide with."""
    return Grid.objects.exists() or _demo_people() > 0


def _demo_people() -> int:
    return User.objects.filter(username__in=[account.username for account in DEMO_ACCOUNTS]).count()


def build_city(
    *,
    seed: int,
    scale: float,
    days: int,
    issues_per_day: int | None,
    reset: bool,
    now: datetime,
    on_step: OnStep = lambda step: None,
) -> Built:
    """Build the city of that seed and size, with `days` of past issues before `now`, in one transaction.

    `on_step` hears the name of each step as it begins. Raises the refusals above.
    """
    if not settings.DEMO_ALLOWED:
        raise DemoNotAllowed
    if not 0 < scale <= 1:
        raise BadScale
    if not 0 <= days <= 366 or (issues_per_day or 0) < 0:
        raise BadPast
    if city_exists() and not reset:
        raise CityExists
    if reset and Grid.objects.exists() and _demo_people() < len(DEMO_ACCOUNTS):
        raise NotADemoCity
    built = Built()
    with built.timed("plan", on_step):
        plan = plan_city(seed, scale)
        roster = plan_people(plan)
        claim_accounts(plan, roster)
    with transaction.atomic():
        if reset:
            with built.timed("erase", on_step):
                erase_city()
        _load(plan, roster, built, now, on_step)
        per_day = issues_a_day(scale, issues_per_day)
        with built.timed("past", on_step):
            rows = tell_city_past(plan, days=days, per_day=per_day, now=now)
        with built.timed("history", on_step):
            built.issues, built.events = load_issues(issues=rows)
            record_late()
            built.notices = tell_city(now=now)
    return built


def issues_a_day(scale: float, wanted: int | None = None) -> int:
    """How many issues a day such a city has, unless a number is wanted."""
    return wanted if wanted is not None else max(20, round(FULL_ISSUES_PER_DAY * scale))


def _load(plan: CityPlan, roster: Roster, built: Built, now: datetime, on_step: OnStep) -> None:
    with built.timed("cells", on_step):
        built.cells = len(load_cells(cells=_cell_rows(plan), now=now))
    with built.timed("people", on_step):
        load_staff(
            people=_person_rows(roster),
            departments=_department_rows(plan, roster),
            posts=_post_rows(plan, roster, timezone.localdate(now)),
            now=now,
        )
        built.people, built.posts = len(roster.people), len(roster.posts)
    with built.timed("rules", on_step):
        load_catalogue()
        _send_to_seconded_staff()
        seed_calendar(now=now)


def _send_to_seconded_staff() -> None:
    """In streets and towns the people of these departments come first, where some are seconded to the place."""
    for category_id, kind in Power.objects.filter(
        tier=Tier.DISTRICT, department_kind__in=SECONDED_KINDS, category__is_grave=False
    ).values_list("category_id", "department_kind"):
        may_handle = not Power.objects.filter(category_id=category_id, tier=Tier.LEVEL1, may_handle=False).exists()
        Power.objects.update_or_create(
            category_id=category_id,
            tier=Tier.LEVEL1,
            defaults={"department_kind": kind},
            create_defaults={"department_kind": kind, "may_handle": may_handle},
        )
    forget_catalogue()


def erase_city() -> None:
    """Empty every table of ours, histories included, and end all sessions. Call inside a transaction."""
    rooms = [room for room in apps.get_app_configs() if room.name.startswith("apps.") or room.label == "sessions"]
    tables = [model._meta.db_table for room in rooms for model in room.get_models(include_auto_created=True)]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE refuses tables with checks still to come
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL grid_mgmt.may_erase = 'on'")
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        cursor.execute("SET LOCAL grid_mgmt.may_erase = 'off'")


def _cell_rows(plan: CityPlan) -> Iterator[CellRow]:
    for cell in plan.cells:
        above = plan.cells[cell.parent].code if cell.tier > Tier.DISTRICT else None
        yield CellRow(cell.code, cell.name, cell.tier, above, FOUNDED, cell.is_local, cell.polygon)


def _person_rows(roster: Roster) -> Iterator[PersonRow]:
    accounts = {account.username: account for account in DEMO_ACCOUNTS}
    password = make_password(DEMO_PASSWORD)  # once: all demo accounts share it, and each hash costs half a second
    for person in roster.people:
        account = accounts.get(person.username)
        yield PersonRow(
            person.username,
            person.name,
            person.phone,
            password if account else "",
            account is not None and account.is_superuser,
        )


def _department_rows(plan: CityPlan, roster: Roster) -> Iterator[DepartmentRow]:
    for row in roster.departments:
        yield DepartmentRow(row.code, row.kind, row.name, row.name_en, plan.cells[row.cell].code)


def _post_rows(plan: CityPlan, roster: Roster, today: date) -> Iterator[PostRow]:
    for post in roster.posts:
        department = roster.departments[post.department].code if post.department >= 0 else None
        yield PostRow(
            roster.people[post.person].username,
            plan.cells[post.cell].code,
            post.role,
            today - timedelta(days=post.since_days),
            today - timedelta(days=post.until_days) if post.until_days else None,
            department,
            post.is_stand_in,
        )
