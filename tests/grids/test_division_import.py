"""import_divisions: what it changes, what it refuses, and how much memory it takes."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from apps.grids.models import Grid, Lineage
from apps.grids.selectors import boundary_version, tree
from apps.grids.selectors.checks import check_coverage, check_tree
from apps.grids.services import close_cell
from apps.grids.services.division_import import DivisionsDiff, import_divisions
from apps.grids.services.problems import ImportRefused
from tests.grids.places import NOW, SINCE, cell, striped_city

HEADER = "code,name,level,parent_code"
CITY = "410100000000,郑州市,city,410000000000"
DISTRICT = "410105000000,金水区,county,410100000000"
STREET = "410105001000,花园路街道,township,410105000000"
COMMUNITY = "410105001001,园田社区,village,410105001000"
SOUND = [CITY, DISTRICT, STREET, COMMUNITY]
DATA = Path(__file__).parents[3] / "shared" / "data"
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="no reference data beside the project")


def load(rows: list[str], *, header: str = HEADER, **options: object) -> DivisionsDiff:
    lines = [f"{line}\n".encode() for line in [header, *rows]]
    return import_divisions(lines=lines, valid_from=SINCE, now=NOW, **options)  # type: ignore[arg-type]


def refused(rows: list[str], **options: object) -> list[str]:
    """The problems of a refused file, in English."""
    before = list(Grid.objects.order_by("id").values_list())
    with pytest.raises(ImportRefused) as refusal:
        load(rows, **options)  # type: ignore[arg-type]
    assert list(Grid.objects.order_by("id").values_list()) == before
    assert refusal.value.total == len(refusal.value.problems)
    with translation.override("en"):
        return [str(problem) for problem in refusal.value.problems]


@pytest.mark.django_db
def test_a_file_in_any_order_becomes_a_tree() -> None:
    assert load(SOUND[::-1]) == DivisionsDiff(rows=4, added=4, renamed=0, moved=0, unchanged=0)
    community = cell("410105001001")
    assert [step.name for step in tree().chain(community.id)] == ["园田社区", "花园路街道", "金水区", "郑州市"]
    assert (community.pinyin, community.valid_from, community.is_local_code) == ("ytsq", date(2012, 6, 1), False)
    assert check_tree().faults == []


@pytest.mark.django_db
def test_a_second_run_changes_nothing() -> None:
    load(SOUND)
    before = boundary_version()
    assert load(SOUND) == DivisionsDiff(rows=4, added=0, renamed=0, moved=0, unchanged=4)
    assert boundary_version() == before


@pytest.mark.django_db
def test_a_dry_run_counts_and_changes_nothing() -> None:
    load(SOUND)
    renamed, new = "410105001001,园田新村,village,410105001000", "410105001002,通信社区,village,410105001000"
    diff = load([*SOUND[:3], renamed, new], is_dry_run=True)
    assert diff == DivisionsDiff(rows=5, added=1, renamed=1, moved=0, unchanged=3)
    assert Grid.objects.count() == 4
    assert cell("410105001001").name == "园田社区"


@pytest.mark.django_db
def test_names_and_parents_follow_the_file_and_cells_that_are_not_in_it_stay() -> None:
    striped_city()
    before = Grid.objects.count()
    diff = load(["410102001001,新社区,village,410103001000", "410103003000,新街道,township,410103000000",
                 "410103003001,新村,village,410103003000"])  # fmt: skip
    assert diff == DivisionsDiff(rows=3, added=2, renamed=1, moved=1, unchanged=0)
    moved = cell("410102001001")
    assert (moved.name, moved.pinyin, moved.parent) == ("新社区", "xsq", cell("410103001"))
    assert Lineage.objects.get().old == moved
    assert Grid.objects.count() == before + 2
    assert check_tree().faults == []
    assert check_coverage().faults == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([COMMUNITY], "Row 2: the parent 410105001000000 is neither in the file nor in the tree."),
        ([*SOUND, STREET], "Row 6: the code 410105001000000 stands in the file already."),
        ([CITY, "41010500000x,金水区,county,410100000000"],
         "Row 3: “41010500000x” is not a code of twelve or fifteen digits."),
        ([CITY, "410105001000,金水区,county,410100000000"],
         "Row 3: the code 410105001000 is not one of the level given."),
        ([CITY, "410105000000,金水区,district,410100000000"],
         "Row 3: “district” is not a level. Use city, county, township, village, cell."),
        ([CITY, DISTRICT, "410105001000,花园路街道,township,410100000000"],
         "Row 4: the parent 410100000000000 is not of the level above."),
        ([CITY, "410105000000,,county,410100000000"], "Row 3: a name of 1 to 80 characters is missing."),
        ([CITY, "410105000000,金水区\x00,county,410100000000"], "Row 3: a name of 1 to 80 characters is missing."),
        ([CITY, "410105000000,金水区"], "Row 3: values are missing."),
        ([CITY, "410200000000,开封市,city,410000000000"],
         "Row 3: 410200000000000 is another city. One instance holds one city; use --city to take it out of a larger "
         "file."),
        ([CITY, '"410105000000,金水区' + "区" * 140_000],
         "Row 3: this is not CSV (a quotation mark is not closed, or a field is too long)."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_row(rows: list[str], problem: str) -> None:
    assert refused(rows) == [problem]


@pytest.mark.django_db
def test_text_that_is_not_utf8_is_told_by_its_row() -> None:
    lines = [f"{HEADER}\n".encode(), f"{CITY}\n".encode(), f"{DISTRICT}\n".encode("gbk")]
    with pytest.raises(ImportRefused) as refusal:
        import_divisions(lines=lines, valid_from=SINCE, now=NOW)
    with translation.override("en"):
        assert [str(problem) for problem in refusal.value.problems] == [
            "Row 3: the text is not UTF-8. Save the file as UTF-8 (it may be in GBK)."
        ]
    with translation.override("zh-hans"):
        assert [str(problem) for problem in refusal.value.problems] == [
            "第 3 行：文字不是 UTF-8 编码，请另存为 UTF-8（原文件可能是 GBK）。"
        ]


@pytest.mark.django_db
def test_a_missing_column_is_named_once() -> None:
    assert refused(["410100000000,郑州市"], header="code,name") == ["The file has no column level, parent_code."]
    assert refused([], header="") == ["The file has no column code, name, level, parent_code."]


@pytest.mark.django_db
def test_columns_may_stand_in_any_order_behind_a_byte_order_mark() -> None:
    rows = ["city,x,410100000000,410000000000,郑州市", "county,x,410105000000,410100000000,金水区"]
    assert load(rows, header="\ufefflevel,note,code,parent_code,name").added == 2


@pytest.mark.django_db
def test_another_city_than_the_one_that_is_there_is_refused() -> None:
    load(SOUND)
    assert refused(["410200000000,开封市,city,410000000000"])[0].startswith("Row 2: 410200000000000 is another city.")


@pytest.mark.django_db
def test_one_city_is_taken_out_of_a_larger_file() -> None:
    rows = ["410000000000,河南省,province,", *SOUND, "410200000000,开封市,city,410000000000"]
    assert load(rows, city="410100").added == 4


@pytest.mark.django_db
def test_the_code_of_a_closed_cell_is_not_used_again() -> None:
    load(SOUND)
    close_cell(cell_id=cell("410105001001").id, heir_id=None, now=NOW)
    assert refused(SOUND) == [
        "Row 5: the code 410105001001000 belongs to a cell that has been closed. Codes are never reused."
    ]


@pytest.mark.django_db
def test_of_many_problems_the_first_are_shown_and_all_are_counted() -> None:
    rows = [CITY, *("410105000000,金水区,county,410900000000" for _ in range(40)), *("x" for _ in range(7))]
    with pytest.raises(ImportRefused) as refusal:
        load(rows, shown=3)
    assert refusal.value.total == 40 + 39 + 7  # no parent, the same code, too short
    assert [problem.row for problem in refusal.value.problems] == [3, 4, 4]


@pytest.mark.django_db
def test_the_command_tells_the_counts_or_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "divisions.csv"
    file.write_text("\n".join([HEADER, *SOUND]), encoding="utf-8")
    with translation.override("en"):
        call_command("import_divisions", str(file), "--dry-run")
        call_command("import_divisions", str(file))
        assert capsys.readouterr().out.splitlines() == [
            "Dry run, nothing was changed. Would be: 4 rows, 4 added, 0 renamed, 0 moved, 0 unchanged.",
            "Divisions imported: 4 rows, 4 added, 0 renamed, 0 moved, 0 unchanged.",
        ]
        file.write_text("\n".join([HEADER, "410105000000,金水区,county,410900000000"]), encoding="utf-8")
        with pytest.raises(CommandError, match="Nothing was imported"):
            call_command("import_divisions", str(file))
        assert capsys.readouterr().err.startswith("Row 2: the parent 410900000000000")
        with pytest.raises(CommandError, match="The file cannot be read"):
            call_command("import_divisions", str(tmp_path / "nothing.csv"))


@real_data
@pytest.mark.real_data
@pytest.mark.django_db
def test_the_real_divisions_of_zhengzhou_are_imported() -> None:
    def run() -> DivisionsDiff:
        with (DATA / "zhengzhou_divisions.csv").open("rb") as lines:
            return import_divisions(lines=lines, valid_from=SINCE, now=NOW)

    assert run() == DivisionsDiff(rows=2907, added=2907, renamed=0, moved=0, unchanged=0)
    assert [Grid.objects.filter(tier=tier).count() for tier in range(4)] == [1, 12, 181, 2713]
    assert check_tree().faults == []
    assert run() == DivisionsDiff(rows=2907, added=0, renamed=0, moved=0, unchanged=2907)


def national_file(districts: int = 99, streets: int = 99) -> Iterator[str]:
    """700,000 rows of one city: more than the whole country has."""
    yield CITY
    written = 1
    for d in range(1, districts + 1):
        yield f"4101{d:02d}000000,第{d}区,county,410100000000"
        for s in range(1, streets + 1):
            yield f"4101{d:02d}{s:03d}000,第{s}街道,township,4101{d:02d}000000"
            for v in range(1, 72):
                yield f"4101{d:02d}{s:03d}{v:03d},第{v}社区居民委员会,village,4101{d:02d}{s:03d}000"
                written += 1


_MEASURE = """
import resource, sys
from pathlib import Path
import django
django.setup()
from django.core.management import call_command
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
call_command("import_divisions", sys.argv[1], *sys.argv[2:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.django_db(transaction=True)
def test_seven_hundred_thousand_rows_do_not_fill_the_memory(tmp_path: Path, test_environment: dict[str, str]) -> None:
    """In a process of its own, because memory is measured by process."""
    import os

    file = tmp_path / "national.csv"
    with file.open("w", encoding="utf-8") as out:
        out.write(HEADER + "\n")
        count = sum(1 for line in national_file() if out.write(line + "\n"))
    assert count > 700_000
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "grid_mgmt.settings", **test_environment}
    result = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(file), "--dry-run"],
        env=environment, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    told, grown_kb = result.stdout.splitlines()
    assert f"{count}" in told
    assert int(grown_kb) < 40_000
