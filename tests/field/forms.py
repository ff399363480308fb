"""Filling in the report form as a browser does."""

import re
from typing import Any

from django.test import Client

from tests.factories import Town, inside

KEY = re.compile(r'name="key" value="([0-9a-f]{32})"')


def open_form(client: Client) -> str:
    """The key of a form just opened."""
    found = KEY.search(client.get("/m/report").text)
    assert found is not None
    return found[1]


def filled(town: Town, **changes: Any) -> dict[str, Any]:
    """The fields of a report in the leader's own cell; None leaves a field out."""
    fields = {
        "key": "0" * 31 + "1",
        "category": town.categories.rubbish.code,
        "grid": str(town.cell.id),
        "text": "门口有建筑垃圾",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def at(cell: Any, accuracy: float = 38) -> dict[str, str]:
    """The phone's position, well inside a cell."""
    lon, lat = inside(cell)
    return {"lon": str(lon), "lat": str(lat), "accuracy": str(accuracy)}
