"""What a web process reads before it takes requests: or the first report after every start would wait two seconds."""

import asyncio
import logging

from django.db import connection
from django.db.utils import Error as DatabaseTrouble
from django.template.loader import get_template
from django.urls import reverse

from apps.grids.selectors import tree
from apps.grids.selectors.location import locator
from apps.issues.selectors.catalogue import catalogue

logger = logging.getLogger(__name__)

WAITED_FOR = ("dispatch/_caption.html", "dispatch/_line.html")  # parsed once a process; a dispatcher waits for them
PATIENCE = 15.0  # seconds; then the process takes requests as it is


async def warm_up() -> None:
    """Read addresses, templates, cells, shapes, catalogue into this process. Never fails: a page does it then."""
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(read_what_every_page_needs)
    except (DatabaseTrouble, TimeoutError) as trouble:
        logger.warning("not warmed up, the first pages will be slow: %s", trouble or type(trouble).__name__)


def read_what_every_page_needs() -> None:
    """Raises django.db.Error while the database is away or has no tables yet."""
    reverse("dispatch:board")  # imports every room's views
    for name in WAITED_FOR:
        get_template(name)
    try:
        tree()
        locator()
        catalogue()
    finally:
        connection.close()  # this thread serves no page
