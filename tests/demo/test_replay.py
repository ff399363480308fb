"""Real messages become reports: once each, spread over cells, bad rows named."""

import csv
from collections import Counter
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from apps.demo.guess import guess_category
from apps.demo.services.building import Built
from apps.demo.services.replay import (
    BadRow,
    Message,
    MissingColumns,
    NothingToReplayOn,
    Replayer,
    UnknownDistrict,
    read_messages,
)
from apps.grids.models import Grid
from apps.grids.selectors import locate
from apps.issues.models import Category, Issue, State
from apps.issues.services.catalogue import OTHER_INFORMATION, keywords
from apps.issues.services.routing import route_waiting
from apps.staff.models import Role
from tests.demo.conftest import NOW
from tests.factories import end_posts

HEADER = "id,created_at,replied_at,subject,text"
ROW = "{number},2012-11-05 09:30:00,2012-11-06 10:00:00,{subject},请尽快处理。"
REAL_FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "citizen_messages.csv"


def file_of(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "messages.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def rows_of(text: str) -> list[Message | BadRow]:
    return list(read_messages(StringIO(text)))


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("小区门口建筑垃圾没人清运", "070301"),
        ("路灯坏了半个月", "070501"),
        ("井盖丢了，行人危险", "070502"),
        ("工地夜间施工扰民", "071001"),
        ("包工头拖欠农民工工资", "050104"),
        ("举报黑网吧", "020301"),
        ("xyz", OTHER_INFORMATION),
        ("", OTHER_INFORMATION),
    ],
)
def test_words_hint_at_the_minor_class(subject: str, code: str) -> None:
    assert guess_category(subject, "", keywords(), OTHER_INFORMATION) == code


@given(st.text(max_size=200), st.text(max_size=500))
def test_any_text_gets_a_known_class(subject: str, text: str) -> None:
    known = keywords()
    assert guess_category(subject, text, known, OTHER_INFORMATION) in known


def test_rows_are_read_with_their_numbers() -> None:
    found = rows_of(f"{HEADER}\n{ROW.format(number='1', subject='路灯')}\n{ROW.format(number='2', subject='井盖')}\n")
    assert found == [Message(2, "1", "路灯", "请尽快处理。"), Message(3, "2", "井盖", "请尽快处理。")]


@pytest.mark.parametrize(
    "row",
    [
        "1,2012-11-05 09:30:00,,只有四个字段",
        ",2012-11-05 09:30:00,,标题,正文",
        "有空格 的编号,2012-11-05 09:30:00,,标题,正文",
        "x" * 41 + ",2012-11-05 09:30:00,,标题,正文",
        "1,昨天,,标题,正文",
        "1,2012-13-45 09:30:00,,标题,正文",
        "1,2012-11-05 09:30:00,,,  ",
        "1,2012-11-05 09:30:00,,标题,\udcff\udcfe",
        "1,2012-11-05 09:30:00,," + "长" * 140_000 + ",正文",
    ],
)
def test_a_bad_row_is_named_and_the_next_one_is_read(row: str) -> None:
    bad, good = rows_of(f"{HEADER}\n{row}\n{ROW.format(number='2', subject='井盖')}\n")
    assert isinstance(bad, BadRow)
    assert bad.row == 2
    assert bad.reason
    assert isinstance(good, Message)
    assert good.row == 3


@pytest.mark.parametrize("text", ["", "id,subject\n1,路灯\n", "什么都不是"])
def test_a_file_without_the_columns_is_refused(text: str) -> None:
    with pytest.raises(MissingColumns, match="text"):
        rows_of(text)


@pytest.mark.django_db
def test_without_a_city_nothing_is_replayed() -> None:
    with pytest.raises(NothingToReplayOn):
        Replayer()


@pytest.mark.django_db
class TestInACity:
    def test_messages_are_filed_once_however_often_the_file_is_played(self, city: Built, tmp_path: Path) -> None:
        path = file_of(tmp_path, *(ROW.format(number=n, subject=f"第{n}盏路灯坏了") for n in range(30)))
        for said in ("30 ", "0 "):
            output = StringIO()
            call_command("replay", path, as_fast=True, stdout=output)
            assert output.getvalue().startswith(said)
            assert Issue.objects.filter(client_key__startswith="replay-").count() == 30

    def test_a_stopped_replay_goes_on_where_it_stopped(self, city: Built, tmp_path: Path) -> None:
        path = file_of(tmp_path, *(ROW.format(number=n, subject="占道经营") for n in range(12)))
        call_command("replay", path, as_fast=True, limit=5, stdout=StringIO())
        assert Issue.objects.filter(client_key__startswith="replay-").count() == 5
        call_command("replay", path, as_fast=True, stdout=StringIO())
        assert Issue.objects.filter(client_key__startswith="replay-").count() == 12

    def test_they_are_spread_over_cells_lie_inside_them_and_are_routed(self, city: Built) -> None:
        replayer = Replayer()
        messages = [Message(n, str(n), "路灯坏了", "半个月没人修") for n in range(60)]
        assert all(replayer.file(message, NOW) for message in messages)
        filed = list(Issue.objects.filter(client_key__startswith="replay-").select_related("grid", "category"))
        assert len({issue.grid_id for issue in filed}) > 30
        assert {issue.category.code for issue in filed} == {"070501"}
        for issue in filed:
            assert issue.lon is not None
            assert issue.lat is not None
            assert locate(issue.lon, issue.lat).id == issue.grid_id
        route_waiting(now=NOW + timedelta(seconds=1))
        states = Counter(Issue.objects.filter(client_key__startswith="replay-").values_list("state", flat=True))
        assert State.COLLECTED not in states
        assert states[State.ASSIGNED]

    def test_one_district_alone_can_be_chosen(self, city: Built) -> None:
        replayer = Replayer("410105")
        for number in range(20):
            replayer.file(Message(number, str(number), "垃圾", "没人清"), NOW)
        districts = Issue.objects.filter(client_key__startswith="replay-").values_list("district__name", flat=True)
        assert set(districts) == {"金水区"}

    def test_an_unknown_district_is_refused_by_its_code(self, city: Built) -> None:
        with pytest.raises(UnknownDistrict, match="999999"):
            Replayer("999999")

    def test_a_class_out_of_use_gives_way_to_other_information(self, city: Built) -> None:
        replayer = Replayer()
        message = Message(1, "1", "路灯坏了", "")
        assert replayer.category_for(message).code == "070501"
        Category.objects.filter(code="070501").update(is_active=False)
        from apps.issues.selectors.catalogue import forget_catalogue

        forget_catalogue()
        assert replayer.category_for(message).code == OTHER_INFORMATION

    def test_in_a_vacant_cell_its_superior_reports(self, city: Built) -> None:
        replayer = Replayer("410105001001")
        message = Message(1, "vacant", "垃圾", "没人清")
        cell = Grid.objects.get(id=replayer.cell_for(message).id)
        assert cell.parent is not None
        end_posts(cell, Role.LEADER, on=NOW.date())
        assert replayer.file(message, NOW)
        superior = cell.parent.posts.get(role=Role.LEADER)
        assert Issue.objects.get(client_key="replay-vacant").reporter_id == superior.user_id

    def test_bad_rows_are_told_by_number_the_others_filed_and_the_exit_says_so(
        self, city: Built, tmp_path: Path
    ) -> None:
        path = file_of(
            tmp_path,
            ROW.format(number=1, subject="路灯"),
            "2,昨天,,井盖,丢了",
            ROW.format(number=3, subject="垃圾"),
        )
        complaints = StringIO()
        with pytest.raises(CommandError, match="1"):
            call_command("replay", path, as_fast=True, stdout=StringIO(), stderr=complaints)
        assert "3" in complaints.getvalue()
        assert Issue.objects.filter(client_key__startswith="replay-").count() == 2

    def test_the_rate_is_kept(self, city: Built, tmp_path: Path) -> None:
        path = file_of(tmp_path, *(ROW.format(number=n, subject="路灯") for n in range(4)))
        output = StringIO()
        call_command("replay", path, rate=4.0, stdout=output)
        seconds = float(output.getvalue().split(",")[-2].split()[0])
        assert seconds >= 0.95

    @pytest.mark.parametrize("rate", [0, -1])
    def test_a_rate_of_nothing_is_refused(self, city: Built, tmp_path: Path, rate: float) -> None:
        with pytest.raises(CommandError):
            call_command("replay", file_of(tmp_path), rate=rate)

    def test_a_file_that_is_not_there_is_one_sentence(self, city: Built, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=r"nowhere\.csv"):
            call_command("replay", tmp_path / "nowhere.csv", as_fast=True)

    @pytest.mark.real_data
    def test_all_900_real_messages_are_filed_and_routed(self, city: Built) -> None:
        if not REAL_FILE.exists():
            pytest.skip(f"{REAL_FILE.name} is not beside the project")
        call_command("replay", REAL_FILE, as_fast=True, stdout=StringIO())
        with REAL_FILE.open(encoding="utf-8", newline="") as file:
            wanted = {f"replay-{row['id']}" for row in csv.DictReader(file)}
        filed = Issue.objects.filter(client_key__in=wanted)
        assert filed.count() == len(wanted) == 900
        route_waiting(now=max(filed.values_list("filed_at", flat=True)) + timedelta(seconds=1))
        assert not filed.filter(state=State.COLLECTED).exists()
        assert len(set(filed.values_list("category_id", flat=True))) > 40
