"""A leader with the phone in hand."""

import pytest
from django.test import Client

from tests.factories import Town


@pytest.fixture
def phone(town: Town) -> Client:
    """A browser in which the leader of the cell is signed in."""
    client = Client()
    client.force_login(town.people.leader)
    return client


@pytest.fixture(autouse=True)
def _photos_in_a_directory_of_their_own(settings: pytest.FixtureRequest, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]
