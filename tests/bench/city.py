"""The demo city as a template database: built once a run, by the very command that a newcomer runs."""

import os
import subprocess
import sys
import time

from apps.common.embedded import paths
from tests.bench import ground

BUILD_SECONDS = 280


def city_database(name: str) -> str:
    """Make database `name` anew with the whole demo city in it; returns the name."""
    if not ground.exists(ground.CITY):
        build_city()
    ground.make_database(name, ground.CITY)
    return name


def build_city() -> float:
    """Migrate an empty database and build the city in it; returns the seconds that building took."""
    draft = f"{ground.CITY}_draft"
    ground.make_database(draft)
    environment = {**os.environ, "DATABASE_URL": ground.database_url(draft), "GRID_DEMO": "1"}
    _manage(environment, "migrate", "--verbosity=0")
    began = time.monotonic()
    _manage(environment, "build_city")
    seconds = time.monotonic() - began
    ground.rename_database(draft, ground.CITY)
    return seconds


def _manage(environment: dict[str, str], *command: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=paths.project_dir(),
        env=environment,
        check=True,
        timeout=BUILD_SECONDS,
    )
