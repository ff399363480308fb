"""import_boundaries: what it changes, and what it refuses."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.utils import translation

from apps.grids.crs import Crs, to_wgs84, wgs84_to_gcj02
from apps.grids.geojson import BrokenGeojson, read_features
from apps.grids.models import Boundary, Grid, Tier
from apps.grids.selectors import OutsideCity, boundary_version, locate
from apps.grids.selectors.checks import check_coverage
from apps.grids.services.boundary_import import BoundariesDiff, import_boundaries
from apps.grids.services.division_import import import_divisions
from apps.grids.services.problems import ImportRefused
from tests.grids.places import NOW, SINCE, SOUTH, STEP, WEST, cell, middle, strip, striped_city
from tests.grids.test_division_import import DATA, real_data


def feature(code: object, geometry: object, name: str = "code") -> dict[str, object]:
    return {"type": "Feature", "properties": {name: code}, "geometry": geometry}


def polygon(shape: shapely.Geometry) -> dict[str, object]:
    return json.loads(shapely.to_geojson(shape))  # type: ignore[no-any-return]


def collection(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def load(raw: bytes, tier: Tier = Tier.DISTRICT, crs: Crs = Crs.WGS84, *, is_dry_run: bool = False) -> BoundariesDiff:
    return import_boundaries(
        file=io.BytesIO(raw), tier=tier, crs=crs, code_property="code", now=NOW, is_dry_run=is_dry_run
    )


def refused(raw: bytes, tier: Tier = Tier.DISTRICT) -> list[str]:
    """The problems of a refused file, in English; nothing was written."""
    before = list(Boundary.objects.order_by("grid_id").values_list("grid_id", "updated_at"))
    with pytest.raises(ImportRefused) as refusal:
        load(raw, tier)
    assert list(Boundary.objects.order_by("grid_id").values_list("grid_id", "updated_at")) == before
    with translation.override("en"):
        return [str(problem) for problem in refusal.value.problems]


WEST_HALF, EAST_HALF = polygon(strip(0, 8)), polygon(strip(8, 8))


@pytest.mark.django_db
def test_outlines_are_added_then_unchanged_then_changed() -> None:
    striped_city()
    Boundary.objects.all().delete()
    both = collection(feature("410102", WEST_HALF), feature(410103000000, EAST_HALF))
    assert load(both) == BoundariesDiff(features=2, added=2, changed=0, unchanged=0, undrawn=0)
    assert locate(*middle(9)).code == "410103000000000"
    before = boundary_version()
    assert load(both) == BoundariesDiff(features=2, added=0, changed=0, unchanged=2, undrawn=0)
    assert boundary_version() == before
    moved = collection(feature("410102", polygon(strip(0, 9))), feature("410103", polygon(strip(9, 7))))
    assert load(moved) == BoundariesDiff(features=2, added=0, changed=2, unchanged=0, undrawn=0)
    assert locate(*middle(8)).code == "410102000000000"


@pytest.mark.django_db
def test_a_dry_run_writes_nothing() -> None:
    striped_city()
    Boundary.objects.all().delete()
    diff = load(collection(feature("410102", WEST_HALF)), is_dry_run=True)
    assert diff == BoundariesDiff(features=1, added=1, changed=0, unchanged=0, undrawn=1)
    assert not Boundary.objects.exists()


@pytest.mark.django_db
def test_other_coordinates_are_converted_and_their_origin_is_kept() -> None:
    striped_city()
    Boundary.objects.all().delete()
    shifted = shapely.transform(strip(0, 8), wgs84_to_gcj02)
    load(collection(feature("410102", polygon(shifted))), crs=Crs.GCJ02)
    stored = Boundary.objects.get()
    assert stored.source_crs == "gcj02"
    assert (stored.min_lon, stored.max_lat) == pytest.approx((WEST, SOUTH + STEP), abs=1e-9)


@pytest.mark.django_db
def test_a_cell_in_two_parts_with_a_hole_is_a_cell() -> None:
    striped_city()
    Boundary.objects.all().delete()
    ring = shapely.box(113, 34, 114, 35).difference(shapely.box(113.4, 34.4, 113.6, 34.6))
    load(collection(feature("410102", polygon(ring.union(shapely.box(115, 34, 116, 35))))))
    with pytest.raises(OutsideCity):
        locate(113.5, 34.5)
    assert locate(115.5, 34.5).code == "410102000000000"


BOW = {"type": "Polygon", "coordinates": [[[113, 34], [114, 35], [114, 34], [113, 35], [113, 34]]]}
FAR = {"type": "Polygon", "coordinates": [[[113, 34], [213, 34], [213, 35], [113, 35], [113, 34]]]}
METRES = {"type": "Polygon", "coordinates": [[[4e5, 3.8e6], [4.1e5, 3.8e6], [4.1e5, 3.9e6], [4e5, 3.8e6]]]}
FLAT = {"type": "Polygon", "coordinates": [[[113, 34], [114, 34], [113, 34], [113, 34]]]}
TINY = polygon(shapely.box(113, 34, 113.000001, 34.000001))
NULLS = {"type": "Polygon", "coordinates": [[[113, 34], [None, 34], [114, 35], [113, 34]]]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (feature("410102", {"type": "Point", "coordinates": [113, 34]}),
         "Row 2: 410102000000000: A boundary must be a polygon. (Point)"),
        (feature("410102", None), "Row 2: 410102000000000: A boundary must be a polygon."),
        (feature("410102", NULLS), "Row 2: 410102000000000: A boundary must be a polygon."),
        (feature("410102", {"type": "Polygon", "coordinates": "x"}),
         "Row 2: 410102000000000: A boundary must be a polygon."),
        (feature("410102", {"type": "Polygon", "coordinates": []}),
         "Row 2: 410102000000000: A boundary must be a polygon."),
        (feature("410102", BOW),
         "Row 2: 410102000000000: The polygon crosses itself or is not a proper area. (Self-intersection[113.5 34.5])"),
        (feature("410102", FAR),
         "Row 2: 410102000000000: Coordinates are out of range: longitude −180 to 180, latitude −90 to 90."),
        (feature("410102", METRES),
         "Row 2: 410102000000000: Coordinates are out of range: longitude −180 to 180, latitude −90 to 90."),
        (feature("410102", TINY), "Row 2: 410102000000000: The polygon has no area."),
        (feature("410103", WEST_HALF), "Row 2: the code 410103000000000 stands in the file already."),
        (feature("410199", WEST_HALF),
         "Row 2: there is no cell with the code 410199000000000. Import the divisions first."),
        (feature("410102001", WEST_HALF),
         "Row 2: 410102001000000 is a cell of another tier: Level 1 (street, township)."),
        (feature("no code", WEST_HALF), "Row 2: “no code” is not a code."),
        (feature(True, WEST_HALF), "Row 2: “True” is not a code."),
        (feature("410102", WEST_HALF, "adcode"), "Row 2: the feature has no property “code”."),
        ("nothing", "Row 2: the feature has no property “code”."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_feature(bad: object, problem: str) -> None:
    striped_city()
    assert refused(collection(feature("410103", EAST_HALF), bad))[0] == problem


@pytest.mark.django_db
def test_a_ring_without_area_is_refused() -> None:
    striped_city()
    assert refused(collection(feature("410102", FLAT)))[0].startswith("Row 1: 410102000000000: The polygon crosses")


@pytest.mark.django_db
def test_files_that_are_no_geojson_are_refused_in_one_sentence() -> None:
    striped_city()
    good = collection(feature("410102", WEST_HALF))
    assert refused(b"") == ["This is not a GeoJSON FeatureCollection."]
    assert refused(b'{"type": "Feature"}') == ["This is not a GeoJSON FeatureCollection."]
    assert refused(good[:-20]) == ["Row 1: this is not JSON, or the file ends in the middle."]
    assert refused("中原区".encode("gbk") + good)[0].endswith("Save the file as UTF-8 (it may be in GBK).")
    assert refused(b'{"features": [' + b"[" * 100_000) == ["Row 1: this is not JSON, or the file ends in the middle."]


class _Slow(io.BytesIO):
    """Hands out seven bytes at a time, and remembers the most that was asked for at once."""

    most = 0

    def read(self, size: int | None = -1) -> bytes:
        self.most = max(self.most, size or 0)
        return super().read(7)


def test_features_are_read_one_by_one_wherever_the_chunks_break() -> None:
    features = [feature(f"4101{n:02d}", {"type": "Point", "coordinates": [n, "园田"]}) for n in range(9)]
    raw = json.dumps({"name": "x", "features": features}, ensure_ascii=False, indent=1).encode()
    assert list(read_features(_Slow(raw))) == features


def test_a_large_file_is_not_read_at_once() -> None:
    file = _Slow(collection(*(feature(n, None) for n in range(2_000))))
    assert sum(1 for _ in read_features(file)) == 2_000
    assert file.most == 1 << 16


def test_a_list_that_is_not_closed_is_noticed() -> None:
    with pytest.raises(BrokenGeojson):
        list(read_features(io.BytesIO(b'{"features": [{}, {}')))


@pytest.mark.django_db
def test_the_command_tells_the_counts_or_the_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    striped_city()
    file = tmp_path / "districts.geojson"
    file.write_bytes(collection(feature("410102", polygon(strip(0, 9)))))
    arguments = ["import_boundaries", str(file), "--tier", "district", "--crs", "wgs84"]
    with translation.override("en"):
        call_command(*arguments, "--dry-run")
        assert capsys.readouterr().out == (
            "Dry run, nothing was changed. Would be: 1 features, 0 added, 1 changed, 0 unchanged; 0 cells of the tier "
            "stay without a boundary.\n"
        )
        call_command(*arguments)
        assert capsys.readouterr().out.startswith("Boundaries imported: 1 features, 0 added, 1 changed")
        assert ("410102000000000", "overlap") in [(fault.code, fault.kind) for fault in check_coverage().faults]
        with pytest.raises(CommandError, match="Nothing was imported"):
            call_command(*arguments, "--code-property", "adcode")
        assert capsys.readouterr().err == "Row 1: the feature has no property “adcode”.\n"


def share_of_points_in_their_county() -> float:
    """Of the real points of streets and villages: how many are located in the county that their code names."""
    with (DATA / "zhengzhou_points.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["level"] in ("township", "village")]
    shifted = np.array([(float(row["lon_gcj02"]), float(row["lat_gcj02"])) for row in rows])
    places = to_wgs84(shifted, Crs.GCJ02).tolist()
    hits = [locate(lon, lat).code[:6] == row["code"][:6] for row, (lon, lat) in zip(rows, places, strict=True)]
    return sum(hits) / len(hits)


@real_data
@pytest.mark.real_data
@pytest.mark.django_db
def test_the_real_counties_of_zhengzhou_are_imported_from_gcj02() -> None:
    with (DATA / "zhengzhou_divisions.csv").open("rb") as lines:
        import_divisions(lines=lines, valid_from=SINCE, now=NOW)

    def run() -> BoundariesDiff:
        return load((DATA / "zhengzhou_counties.geojson").read_bytes(), crs=Crs.GCJ02)

    assert run() == BoundariesDiff(features=12, added=12, changed=0, unchanged=0, undrawn=0)
    assert run() == BoundariesDiff(features=12, added=0, changed=0, unchanged=12, undrawn=0)
    square_km = sum(Boundary.objects.values_list("area_m2", flat=True)) / 1e6
    assert square_km == pytest.approx(7_550, rel=0.01)
    assert share_of_points_in_their_county() == 1.0
    report = check_coverage()
    assert (report.frames, report.cells, report.loose, report.faults) == (0, 12, 12, [])
    assert Grid.objects.filter(boundary=None).count() == report.undrawn == 2_895
    assert cell("410105").boundary.source_crs == "gcj02"
