"""The city's tree: cells, their boundaries, and what became of the old ones."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from mptt.managers import TreeManager
from mptt.models import MPTTModel, TreeForeignKey

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class Tier(models.IntegerChoices):
    """Where in the city's order a cell stands. Smaller is higher."""

    CITY = 0, pgettext_lazy("tier", "City")
    DISTRICT = 1, pgettext_lazy("tier", "District")
    LEVEL1 = 2, pgettext_lazy("tier", "Level 1 (street, township)")
    LEVEL2 = 3, pgettext_lazy("tier", "Level 2 (community, village)")
    LEVEL3 = 4, pgettext_lazy("tier", "Level 3 (courtyard, village group)")


class Grid(MPTTModel):
    """A cell 网格. A forest: the city and every district are roots, so that a move rewrites one district only.

    `parent` is the cell above inside one district's tree; `superior` also joins a district to its city.
    Structural writes go through apps.grids.services, which hold the tree's advisory lock.
    """

    code = models.CharField(_("code"), max_length=15, validators=[RegexValidator(r"^\d{15}$", _("Fifteen digits."))])
    name = models.CharField(_("name"), max_length=80)
    pinyin = models.CharField(_("pinyin initials"), max_length=80, blank=True, db_index=True)
    tier = models.PositiveSmallIntegerField(_("tier"), choices=Tier.choices)
    parent = TreeForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent cell")
    )
    is_local_code = models.BooleanField(_("code without statistical source"), default=False)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True, blank=True)

    objects: ClassVar[TreeManager[Self]] = TreeManager()

    if TYPE_CHECKING:
        parent_id: int | None
        children: "RelatedManager[Grid]"

    class Meta:
        verbose_name = _("cell")
        verbose_name_plural = _("cells")
        constraints = [
            models.UniqueConstraint(fields=["code"], condition=Q(valid_to=None), name="grid_code_unique_while_live"),
            models.UniqueConstraint(
                fields=["tier"], condition=Q(tier=0, valid_to=None), name="grid_only_one_live_city"
            ),
            models.CheckConstraint(
                condition=Q(tier__lte=1, parent=None) | Q(tier__gte=2, parent__isnull=False),
                name="grid_city_and_districts_are_roots",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from")), name="grid_ends_after_it_begins"
            ),
        ]
        indexes = [
            models.Index(fields=["tree_id", "lft"], name="grid_tree_lft"),
            models.Index(fields=["tier", "code"], name="grid_tier_code"),
        ]

    class MPTTMeta:
        order_insertion_by: list[str] = []  # siblings stay where they are put; sorting rewrites half a tree

    def __str__(self) -> str:
        return self.name


class Boundary(models.Model):
    """A cell's outline: WGS-84 polygon as WKB, a simplified copy for maps, and its box for cheap filters."""

    grid = models.OneToOneField(Grid, models.CASCADE, primary_key=True, related_name="boundary", verbose_name=_("cell"))
    wkb = models.BinaryField(_("polygon (WKB)"))
    simple_wkb = models.BinaryField(_("simplified polygon (WKB)"))
    min_lon = models.FloatField()
    min_lat = models.FloatField()
    max_lon = models.FloatField()
    max_lat = models.FloatField()
    area_m2 = models.FloatField(_("area (m²)"))
    source_crs = models.CharField(_("source coordinates"), max_length=10, default="wgs84")
    updated_at = models.DateTimeField(_("updated"))

    class Meta:
        verbose_name = _("boundary")
        verbose_name_plural = _("boundaries")

    def __str__(self) -> str:
        return f"{self.grid}"


class BoundaryVersion(models.Model):
    """One row (id 1). Its number rises with every change of cells or boundaries: caches and maps key on it."""

    number = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.number)


class Lineage(models.Model):
    """What became of a cell: its people, issues and figures can be followed across a reorganisation.

    A moved cell is old and new itself; `parent_before` and `parent_after` say from where to where.
    """

    class Kind(models.TextChoices):
        SPLIT = "split", _("split")
        MERGE = "merge", _("merged")
        MOVE = "move", _("moved")

    old = models.ForeignKey(Grid, models.PROTECT, related_name="successions", verbose_name=_("old cell"))
    new = models.ForeignKey(Grid, models.PROTECT, related_name="origins", verbose_name=_("new cell"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    share = models.DecimalField(_("share"), max_digits=5, decimal_places=4, default=1)
    parent_before = models.ForeignKey(
        Grid, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("parent before")
    )
    parent_after = models.ForeignKey(
        Grid, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("parent after")
    )
    happened_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("lineage")
        verbose_name_plural = _("lineages")

    def __str__(self) -> str:
        return f"{self.old} → {self.new}"
