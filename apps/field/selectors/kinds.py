"""What may be reported, as tiles: the six most used ones first, then all."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from apps.common.languages import localized
from apps.issues.models import Category, Issue
from apps.issues.selectors.catalogue import Branch, catalogue, category_tree

FIRST_TILES = 6
LOOKED_AT = 500  # newest issues: enough to know what is common here


@dataclass(frozen=True)
class Tile:
    """One minor class to tap."""

    code: str
    name: str
    icon: str


@dataclass(frozen=True)
class Group:
    """A class or a field, with what lies below it."""

    name: str
    icon: str
    tiles: tuple[Tile, ...] = ()
    groups: tuple["Group", ...] = ()
    is_open: bool = False


def most_used(grid_ids: Collection[int]) -> list[Tile]:
    """The six most reported minor classes of the own cells, else of the city, else one of each class.

    They stand in the order of the catalogue, so that a tile stays where the thumb knows it. One or two queries.
    """
    counted: Counter[int] = Counter()
    if grid_ids:
        counted = _common(list(grid_ids))
    if len(counted) < FIRST_TILES:
        counted += _common([])
    known = catalogue()
    minors = known.minor_classes()
    ranked = [row for id, _times in counted.most_common() if (row := known.categories.get(id)) in minors]
    chosen = list(dict.fromkeys([*ranked, *_one_of_each_class(), *minors]))[:FIRST_TILES]
    return [_tile(row) for row in minors if row in chosen]


def all_kinds(chosen: str = "") -> list[Group]:
    """Every field with its classes and minor classes; the field that holds the chosen code is open."""
    return [
        Group(
            name=str(field.category),
            icon=field.category.icon,
            groups=tuple(_class(group) for group in field.below),
            is_open=bool(chosen) and any(row.category.code == chosen for group in field.below for row in group.below),
        )
        for field in category_tree()
        if any(group.below for group in field.below)
    ]


def kind_of(code: str) -> Category | None:
    """The minor class with that code, if it is in use."""
    found = catalogue().by_code.get(code)
    return found if found is not None and found.is_active and found.level == Category.Level.MINOR else None


def _common(grid_ids: list[int]) -> Counter[int]:
    newest = Issue.objects.filter(grid_id__in=grid_ids) if grid_ids else Issue.objects.all()
    return Counter(newest.order_by("-id").values_list("category_id", flat=True)[:LOOKED_AT])


def _one_of_each_class() -> list[Category]:
    """For a city that has no reports yet: one of each class of the widest field, which is what streets are made of."""
    fields = [[group.below[0].category for group in field.below if group.below] for field in category_tree()]
    return max(fields, key=len, default=[])


def _class(branch: Branch) -> Group:
    return Group(
        name=str(branch.category),
        icon=branch.category.icon,
        tiles=tuple(_tile(minor.category) for minor in branch.below),
    )


def _tile(row: Category) -> Tile:
    parent = catalogue().categories.get(row.parent_id or 0)
    return Tile(row.code, localized(row.name, row.name_en), row.icon or (parent.icon if parent else ""))
