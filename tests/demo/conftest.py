"""One small demo city for all tests of a module: built once, each test's changes rolled back."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import translation
from pytest_django import DjangoDbBlocker

from apps.demo.services.building import Built, build_city
from tests.factories import CACHES

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=ZoneInfo("Asia/Shanghai"))  # a Wednesday afternoon
SCALE = 0.01


def build(**changes: Any) -> Built:
    """Build a city of about 240 cells and 1,000 people."""
    values: dict[str, Any] = {
        "seed": 2013,
        "scale": SCALE,
        "days": 8,
        "issues_per_day": 30,
        "reset": False,
        "now": NOW,
    }
    return build_city(**(values | changes))


@pytest.fixture(scope="module")
def city(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Built]:
    """A city in a transaction around the tests' own."""
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(DEMO_ALLOWED=True):
        yield build()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _demo_is_allowed(settings: Any) -> Iterator[None]:
    """The tests name their own servers, so they say that these are for show; commands speak English to them."""
    settings.DEMO_ALLOWED = True
    with translation.override("en"):
        yield
    for forget in CACHES:  # what the process keeps in memory must not outlive a city that was rolled back
        forget()
