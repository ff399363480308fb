"""Takes a file of boundaries into the city, from whatever Chinese coordinate system they are in. All or nothing."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

import shapely
from django.utils.translation import gettext_lazy as _
from shapely.geometry.base import BaseGeometry

from apps.grids.crs import Crs, to_wgs84
from apps.grids.geojson import BrokenGeojson, NotUtf8, read_features
from apps.grids.geometry import area_m2
from apps.grids.models import Boundary, Grid, Tier
from apps.grids.outlines import LEAST_M2, BadOutline, TooSmall, checked_outline, outline_from_geojson
from apps.grids.services.loading import write_boundaries
from apps.grids.services.lock import bump_version, tree_lock
from apps.grids.services.problems import SHOWN, Problems

_CODE = re.compile(r"[0-9]{4,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class BoundariesDiff:
    """What a file changes, or would change; `undrawn` are live cells of the tier that have no boundary afterwards."""

    features: int
    added: int
    changed: int
    unchanged: int
    undrawn: int


def import_boundaries(
    *,
    file: BinaryIO,
    tier: Tier,
    crs: Crs,
    code_property: str,
    now: datetime,
    is_dry_run: bool = False,
    shown: int = SHOWN,
) -> BoundariesDiff:
    """Import a GeoJSON FeatureCollection of polygons of one tier; `code_property` names the cell's code in a feature.

    Codes may be cut after their last counting digits (410102 for 410102000000000). Outlines are converted to WGS-84.
    They need not tile: whether they do is `check_coverage`'s question, because official outlines rarely fit to the
    metre. The file streams; in memory are the finished polygons alone (a city of 18,000 cells is 13 MB).
    Raises ImportRefused with the first `shown` problems; then nothing was changed.
    """
    problems = Problems(shown)
    with tree_lock():
        reader = _Reader(tier, crs, code_property, problems)
        features = reader.read(file)
        problems.refuse_any()
        ids = reader.ids
        stored = dict(
            Boundary.objects.filter(grid__tier=tier, grid__valid_to=None).values_list("grid__code", "wkb").iterator()
        )
        added = reader.drawn.keys() - stored.keys()
        changed = {code for code in reader.drawn.keys() & stored.keys() if bytes(stored[code]) != reader.drawn[code]}
        if not is_dry_run and (added or changed):
            _write(ids, reader.drawn, added | changed, tier, crs, now)
    unchanged = len(reader.drawn) - len(added) - len(changed)
    return BoundariesDiff(features, len(added), len(changed), unchanged, len(ids) - len(stored.keys() | added))


class _Reader:
    """Keeps the outlines that are in order, as WKB by code."""

    def __init__(self, tier: Tier, crs: Crs, code_property: str, problems: Problems) -> None:
        self.tier, self.crs, self.code_property, self.problems = tier, crs, code_property, problems
        cells = Grid.objects.filter(valid_to=None).order_by().values_list("code", "id", "tier")
        self.tiers = {code: cell_tier for code, _id, cell_tier in cells}
        self.ids = {code: id for code, id, cell_tier in cells if cell_tier == tier}
        self.drawn: dict[str, bytes] = {}

    def read(self, file: BinaryIO) -> int:
        """Read all features; return how many there were."""
        number = 0
        try:
            for number, feature in enumerate(read_features(file), start=1):
                self._take(number, feature if isinstance(feature, Mapping) else {})
        except NotUtf8:
            self.problems.add(number + 1, _("the text is not UTF-8. Save the file as UTF-8 (it may be in GBK)."))
        except BrokenGeojson as broken:
            if broken.feature:
                self.problems.add(broken.feature, _("this is not JSON, or the file ends in the middle."))
            else:
                self.problems.add(0, _("This is not a GeoJSON FeatureCollection."))
        return number

    def _take(self, number: int, feature: Mapping[str, Any]) -> None:
        complain = partial(self.problems.add, number)
        code = self._code(feature, complain)
        try:
            outline = self._outline(feature)
        except BadOutline as bad:
            complain(_("%(code)s: %(what)s"), code=code or "–", what=bad)
            return
        if code:
            self.drawn[code] = shapely.to_wkb(outline)

    def _outline(self, feature: Mapping[str, Any]) -> BaseGeometry:
        outline = outline_from_geojson(feature.get("geometry"))
        if self.crs in (Crs.GCJ02, Crs.BD09):
            shifted: Any = shapely.transform(outline, partial(to_wgs84, source=self.crs))
            outline = checked_outline(shifted)
        if area_m2(outline) < LEAST_M2:
            raise TooSmall
        return outline

    def _code(self, feature: Mapping[str, Any], complain: Callable[..., None]) -> str:
        """The feature's code in fifteen digits, or nothing after a complaint."""
        properties = feature.get("properties")
        given = properties.get(self.code_property) if isinstance(properties, Mapping) else None
        if given is None:
            complain(_("the feature has no property “%(name)s”."), name=self.code_property)
            return ""
        if isinstance(given, bool) or not isinstance(given, int | str) or not _CODE.fullmatch(str(given).strip()):
            complain(_("“%(code)s” is not a code."), code=str(given)[:20])
            return ""
        code = str(given).strip().ljust(15, "0")
        if code in self.drawn:
            complain(_("the code %(value)s stands in the file already."), value=code)
        elif code not in self.tiers:
            complain(_("there is no cell with the code %(value)s. Import the divisions first."), value=code)
        elif self.tiers[code] != self.tier:
            complain(_("%(value)s is a cell of another tier: %(tier)s."), value=code, tier=Tier(self.tiers[code]).label)
        else:
            return code
        return ""


def _write(
    ids: Mapping[str, int], drawn: Mapping[str, bytes], codes: set[str], tier: Tier, crs: Crs, now: datetime
) -> None:
    """Replace the boundaries of those codes, simplified among all of the file, so that shared borders stay shared."""
    ordered = sorted(drawn)
    polygons = dict(zip(ordered, shapely.from_wkb([drawn[code] for code in ordered]), strict=True))
    Boundary.objects.filter(grid_id__in=[ids[code] for code in codes]).delete()
    write_boundaries(ids, polygons, dict.fromkeys(polygons, tier), now=now, source_crs=crs.value, only=codes)
    bump_version()
