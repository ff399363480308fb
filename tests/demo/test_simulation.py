"""A simulated city, as a whole: the command in a process of its own, on the tests' servers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.translation import gettext_lazy

from apps.common.embedded import paths
from apps.demo.models import SimulatedShard
from apps.demo.selectors.indicators import Indicator, indicators, weeks
from apps.demo.services.building import Built, CityExists
from apps.demo.services.simulation import scratch
from apps.demo.services.simulation.lived import build_lived_city
from apps.demo.services.simulation.running import OnProgress, Progress
from apps.grids.models import Grid
from apps.issues.models import Issue
from apps.issues.selectors.invariants import check_invariants
from tests.demo.conftest import NOW

SEED = 20_121
PLAN = ["--days", "9", "--issues", "150", "--scale", "0.02", "--seed", str(SEED), "--faults"]


@pytest.fixture
def _no_scratch_left() -> Iterator[None]:
    """The database of the simulation is gone afterwards, whatever happened."""
    yield
    scratch.drop(scratch_name())


def scratch_name() -> str:
    return f"{connection.settings_dict['NAME']}_simulation_{SEED}"


def started(*more: str) -> "subprocess.Popen[str]":
    name = connection.settings_dict["NAME"]
    url = re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", os.environ["DATABASE_URL"])
    environment = {**os.environ, "DATABASE_URL": url, "GRID_DEMO": "1"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "simulate", *PLAN, *more],
        cwd=paths.project_dir(),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def simulate(*more: str) -> str:
    """What it said; it must have ended well."""
    with started(*more) as child:
        try:
            said, _ = child.communicate(timeout=300)
        finally:
            child.kill()
    assert child.returncode == 0, said
    return said


def digest(said: str) -> str:
    [found] = re.findall(r"[0-9a-f]{64}", said)
    return str(found)


def count(said: str, what: str) -> int:
    [found] = re.findall(rf"{what}：(\d+)", said)
    return int(found)


def injected(said: str, fault: str) -> int:
    """How often that fault was injected, by the command's line of faults."""
    [found] = re.findall(rf"^故障: .*?\b{fault} ([\d,]+)", said, re.MULTILINE) or ["0"]
    return int(found.replace(",", ""))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_scratch_left")
def test_nothing_is_lost_or_doubled_and_the_same_seed_lives_the_same_lives_whoever_is_killed(tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    whole = simulate("--processes", "1", "--plot", str(plot))
    assert "不变量：0 处违反" in whole
    assert (count(whole, "丢失"), count(whole, "重复")) == (0, 0)
    assert count(whole, "被杀进程") > 0
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    with started("--processes", "3", "--keep") as child:  # killed on the way, and its processes with it
        assert child.stdout is not None
        for line in child.stdout:
            if re.match(r"20\d\d-\d\d-\d\d", line):
                child.send_signal(signal.SIGKILL)
                break
    with started("--days", "10") as other:
        assert "--reset" in other.communicate(timeout=120)[0]
    assert other.returncode == 1
    continued = simulate("--processes", "3")
    assert "继续" in continued
    assert digest(continued) == digest(whole)
    assert count(continued, "丢失") == count(continued, "重复") == 0
    for fault in ("ring lost", "task doubled", "worker died"):  # or all the promises above would prove nothing
        assert injected(whole, fault) + injected(continued, fault) > 0, continued


@pytest.mark.parametrize("options", [{"days": 0}, {"scale": 0.0}, {"scale": 1.5}, {"processes": 0}])
def test_what_cannot_be_simulated_is_refused_in_words(options: dict[str, float]) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("simulate", **options)
    assert "scale" in str(refused.value)


def test_a_server_that_is_not_for_show_is_left_alone(settings: Any) -> None:
    settings.DEMO_ALLOWED = False
    with pytest.raises(CommandError) as refused:
        call_command("simulate", days=1)
    assert "GRID_DEMO" in str(refused.value)


def test_indicators_count_every_issue_once(city: Built) -> None:
    text = {str(row.name): row for row in indicators()}
    assert text["Reported"].value == Issue.objects.count() > 0
    closed, rest = text["Closed of all reported 办结率"], text["Still open"]
    assert closed.value + rest.value == closed.of
    assert text["Mean score"].value == 0 or 1 <= text["Mean score"].value <= 5


def test_weeks_add_up_to_all_that_was_filed_and_closed(city: Built) -> None:
    found = weeks(NOW - timedelta(days=70), 11)
    assert sum(week.filed for week in found) == Issue.objects.count()
    assert sum(week.closed for week in found) == Issue.objects.exclude(closed_at=None).count()


def test_a_share_of_nothing_is_a_dash() -> None:
    assert Indicator(gettext_lazy("Satisfied"), 0, 0).text == "—"
    assert Indicator(gettext_lazy("Satisfied"), 1, 8).text == "12.50% (1 / 8)"


@pytest.mark.django_db(transaction=True)
def test_a_past_can_be_lived_by_the_real_services_and_gone_on_with_where_it_was_stopped() -> None:
    def build(on_progress: OnProgress = lambda lived: None) -> Built:
        return build_lived_city(
            seed=2013,
            scale=0.01,
            days=4,
            issues_per_day=15,
            reset=False,
            now=NOW,
            processes=2,
            on_step=lambda step: None,
            on_progress=on_progress,
        )

    def stop(lived: Progress) -> None:
        if lived.filed > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(stop)
    cells, filed = Grid.objects.count(), Issue.objects.count()
    assert 0 < filed < 60
    built = build()
    assert (Grid.objects.count(), SimulatedShard.objects.exists()) == (cells, False)
    assert built.issues == Issue.objects.count() > filed
    assert check_invariants(now=NOW, sample=0).findings == []
    fresh = Issue.objects.filter(filed_at__gt=NOW - timedelta(minutes=2))
    assert [issue.grid.name for issue in fresh] == ["园田社区第九网格"]  # staged for the demo accounts
    with pytest.raises(CityExists):
        build()
