"""A web process reads what every page needs before it takes requests, and starts all the same where it cannot."""

import asyncio
import os
import subprocess
import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.embedded.paths import project_dir
from apps.grids.selectors import tree
from apps.grids.selectors.location import locator
from apps.issues.selectors.catalogue import catalogue, forget_catalogue
from grid_mgmt.warming import warm_up

WITHOUT_A_DATABASE = """
import asyncio
from grid_mgmt import wsgi
from grid_mgmt.warming import warm_up
asyncio.run(warm_up())
print("started")
"""


@pytest.mark.django_db(transaction=True)
def test_a_warm_process_reads_neither_shapes_nor_catalogue_again() -> None:
    forget_catalogue()
    asyncio.run(warm_up())
    with CaptureQueriesContext(connection) as captured:
        tree(), locator(), catalogue()
    assert all('FROM "grids_boundaryversion"' in query["sql"] for query in captured)


def test_a_database_that_is_away_is_a_line_in_the_log() -> None:
    environment = {**os.environ, "DATABASE_URL": "postgres://nobody@/nowhere?host=/nonexistent"}
    command = [sys.executable, "-c", WITHOUT_A_DATABASE]
    ended = subprocess.run(
        command, cwd=project_dir(), env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "started\n")
    assert "not warmed up" in ended.stderr
