"""What build_city refuses, and what it leaves behind then: nothing."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from apps.demo.accounts import DEMO_PASSWORD
from apps.demo.services.building import BadPast, BadScale, DemoNotAllowed, NotADemoCity
from apps.grids.models import Grid
from apps.issues.models import Category
from apps.staff.models import User
from tests.demo.conftest import SCALE, build
from tests.factories import Town

pytestmark = pytest.mark.django_db


def test_a_build_that_fails_half_way_leaves_nothing() -> None:
    User.objects.create(username="41010500001", name="先来者")
    with pytest.raises(IntegrityError), transaction.atomic():
        build()
    assert (Grid.objects.count(), User.objects.count(), Category.objects.count()) == (0, 1, 0)


def test_no_demo_city_in_a_database_of_ones_own_unless_told_so(settings: Any) -> None:
    settings.DEMO_ALLOWED = False
    with pytest.raises(DemoNotAllowed, match="GRID_DEMO=1"):
        build()
    call_command("build_city", if_empty=True, stdout=StringIO())
    assert not Grid.objects.exists()


@pytest.mark.parametrize("scale", [0, -1, 1.5, float("nan")])
def test_an_impossible_scale_is_refused(scale: float) -> None:
    with pytest.raises(BadScale):
        build(scale=scale)


def test_the_command_tells_what_it_built_and_that_it_is_for_show() -> None:
    output = StringIO()
    call_command("build_city", scale=SCALE, days=2, issues_per_day=20, stdout=output)
    assert DEMO_PASSWORD in output.getvalue()
    assert str(Grid.objects.count()) in output.getvalue()
    with pytest.raises(CommandError):
        call_command("build_city", scale=SCALE, stdout=output)
    call_command("build_city", scale=SCALE, if_empty=True, stdout=output)


@pytest.mark.parametrize("past", [{"days": -1}, {"days": 400}, {"issues_per_day": -5}])
def test_an_impossible_past_is_refused(past: dict[str, int]) -> None:
    with pytest.raises(BadPast):
        build(**past)


def test_a_city_without_a_past_has_no_issues() -> None:
    assert build(days=0).issues == 0


def test_reset_never_erases_a_city_that_is_not_a_demo(town: Town) -> None:
    with pytest.raises(NotADemoCity):
        build(reset=True)
    assert Grid.objects.filter(id=town.cell.id).exists()
