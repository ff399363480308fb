"""The issue 矛盾问题, the chain of who held it, and its history."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.grids.models import Grid
from apps.issues.deadlines import RungKind
from apps.issues.models.catalogue import Category, UnitChoices
from apps.issues.workflow import Card, LinkKind, State
from apps.staff.models import Department, Post


class Rung(models.IntegerChoices):
    """The lamp: how late the open handover is. Which rungs of its ladder are done says `Issue.step`."""

    ON_TIME = 0, _("on time")
    REMINDED = 1, _("reminded")
    OVERDUE = 2, _("overdue")


class PositionSource(models.TextChoices):
    """How the position came to be known."""

    GPS = "gps", _("phone position")
    MAP = "map", _("set on the map")
    CELL = "cell", _("cell chosen")


def number_of(issue_id: int, filed_at: datetime) -> str:
    """The number of an issue of which no more is known than this. Its day is the city's, whoever reads it where."""
    return f"{filed_at.astimezone(timezone.get_default_timezone()):%Y%m%d}-{issue_id:06d}"


def soon_in(rung_at: Sequence[datetime], rung_kinds: Sequence[str]) -> datetime | None:
    """When a lamp turns yellow by this ladder; None for a ladder without a reminder."""
    return next((at for at, kind in zip(rung_at, rung_kinds, strict=True) if kind == RungKind.REMIND), None)


class Issue(models.Model):
    """One report and what became of it. Open while `closed_at` is empty; then it has one holder and one clock.

    `version` is the number of its newest event: the optimistic lock of every move.
    The columns holder_*, state, due_at, next_action_at, step and rung repeat the open handover and the newest event,
    so that queues and the sweep read one table; check_invariants proves that they agree.
    """

    category = models.ForeignKey(Category, models.PROTECT, related_name="+", db_index=False, verbose_name=_("category"))
    text = models.TextField(_("text"), blank=True)
    lon = models.FloatField(_("longitude (WGS-84)"), null=True, blank=True)
    lat = models.FloatField(_("latitude (WGS-84)"), null=True, blank=True)
    accuracy_m = models.FloatField(_("accuracy (m)"), null=True, blank=True)
    position_source = models.CharField(_("position from"), max_length=4, choices=PositionSource.choices)
    grid = models.ForeignKey(Grid, models.PROTECT, related_name="issues", db_index=False, verbose_name=_("cell"))
    district = models.ForeignKey(
        Grid, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("district")
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="reports",
        db_index=False,
        verbose_name=_("reporter"),
    )
    reporter_post = models.ForeignKey(
        Post, models.PROTECT, null=True, related_name="+", db_index=False, verbose_name=_("reporter's post")
    )
    is_urgent = models.BooleanField(_("urgent"), default=False)
    is_self_handled = models.BooleanField(_("solved on the spot"), default=False)

    state = models.CharField(_("state"), max_length=10, choices=State.choices)
    holder_grid = models.ForeignKey(
        Grid, models.PROTECT, related_name="+", db_index=False, verbose_name=_("holding cell")
    )
    holder_department = models.ForeignKey(
        Department,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("holding department"),
    )
    filed_at = models.DateTimeField(_("filed"))
    seen_at = models.DateTimeField(_("seen on site"), null=True, blank=True)  # the phone's own time, when it differs
    due_at = models.DateTimeField(_("due"), null=True)
    next_action_at = models.DateTimeField(_("next action of the sweep"), null=True)
    rung = models.PositiveSmallIntegerField(_("rung"), choices=Rung.choices, default=Rung.ON_TIME)
    step = models.PositiveSmallIntegerField(_("rungs done"), default=0)  # of the open handover's ladder
    card = models.PositiveSmallIntegerField(_("supervision card"), choices=Card.choices, default=Card.NONE)
    closed_at = models.DateTimeField(_("closed"), null=True)
    version = models.PositiveIntegerField(_("version"), default=0)

    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="duplicates", db_index=False, verbose_name=_("merged into")
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="children", db_index=False, verbose_name=_("part of")
    )

    client_key = models.CharField(max_length=64, null=True)  # noqa: DJ001 - absent differs from empty: NULLs never collide
    client_digest = models.CharField(max_length=64, blank=True)

    if TYPE_CHECKING:
        category_id: int
        grid_id: int
        district_id: int | None
        reporter_id: int
        reporter_post_id: int | None
        holder_grid_id: int
        holder_department_id: int | None
        merged_into_id: int | None
        parent_id: int | None

    class Meta:
        verbose_name = _("issue")
        verbose_name_plural = _("issues")
        constraints = [
            models.UniqueConstraint(fields=["reporter", "client_key"], name="issue_filed_once_per_key"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False) | Q(due_at__isnull=False, next_action_at__isnull=False),
                name="issue_open_has_a_clock",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(closed_at=None), name="issue_open_due"),
            models.Index(fields=["district", "due_at", "id"], condition=Q(closed_at=None), name="issue_open_district"),
            models.Index(fields=["grid", "due_at", "id"], condition=Q(closed_at=None), name="issue_open_grid"),
            models.Index(fields=["holder_grid", "due_at", "id"], condition=Q(closed_at=None), name="issue_open_holder"),
            models.Index(
                fields=["holder_department", "due_at", "id"],
                condition=Q(closed_at=None, holder_department__isnull=False),
                name="issue_open_department",
            ),
            models.Index(fields=["next_action_at", "id"], condition=Q(closed_at=None), name="issue_next_action"),
            # "due soon" is counted on every board: without this all open issues would be read for it
            models.Index(
                fields=["due_at", "id"], condition=Q(closed_at=None, rung=Rung.REMINDED), name="issue_open_reminded"
            ),
            models.Index(fields=["due_at", "id"], condition=Q(closed_at=None, card__gt=0), name="issue_open_carded"),
            models.Index(fields=["id"], condition=Q(state="collected", closed_at=None), name="issue_unrouted"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="issue_duplicates"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="issue_children"),
            models.Index(fields=["district", "-id"], name="issue_district_newest"),
            models.Index(fields=["grid", "-id"], name="issue_grid_newest"),
            models.Index(fields=["reporter", "-id"], name="issue_reporter_newest"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The human number: local filing day and the id, e.g. 20130208-000123. Nothing is stored twice."""
        return number_of(self.id, self.filed_at)

    @property
    def is_open(self) -> bool:
        """Whether somebody still holds it."""
        return self.closed_at is None


class Handover(models.Model):
    """One span of time in which somebody holds the issue, with its own clock. At most one is open per issue."""

    Kind = LinkKind

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="handovers", verbose_name=_("issue"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    from_grid = models.ForeignKey(Grid, models.PROTECT, null=True, related_name="+", db_index=False)
    from_department = models.ForeignKey(Department, models.PROTECT, null=True, related_name="+", db_index=False)
    to_grid = models.ForeignKey(Grid, models.PROTECT, related_name="+", db_index=False)
    to_department = models.ForeignKey(Department, models.PROTECT, null=True, related_name="+", db_index=False)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    instruction = models.TextField(_("instruction"), blank=True)
    started_at = models.DateTimeField(_("started"))
    limit_amount = models.DecimalField(_("limit"), max_digits=7, decimal_places=2)
    limit_unit = models.CharField(_("unit"), max_length=12, choices=UnitChoices.choices)
    # where the holder's clock goes on: what it had used of the limit, on the unit's clock, when it last had the issue
    used_before = models.DurationField(_("used before"), null=True)
    due_at = models.DateTimeField(_("due"))
    # the ladder: moment and kind (deadlines.RungKind) of each rung, in order; the sweep reads it as it stands here
    rung_at = ArrayField(models.DateTimeField(), verbose_name=_("moments of the rungs"))
    rung_kinds = ArrayField(models.CharField(max_length=12), verbose_name=_("kinds of the rungs"))
    # when the ladder was last counted again (pause, extension, changed calendar); empty: when it started
    counted_at = models.DateTimeField(_("counted again"), null=True)
    signed_at = models.DateTimeField(_("signed"), null=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    ended_at = models.DateTimeField(_("ended"), null=True)
    outcome = models.CharField(_("outcome"), max_length=20, blank=True)  # the kind of the event that ended it
    is_overdue = models.BooleanField(_("overdue"), default=False)
    is_on_record = models.BooleanField(_("on record"), default=False, db_default=False)  # 问责: its lateness is noted

    if TYPE_CHECKING:
        issue_id: int
        from_grid_id: int | None
        from_department_id: int | None
        to_grid_id: int
        to_department_id: int | None

    class Meta:
        verbose_name = _("handover")
        verbose_name_plural = _("handovers")
        constraints = [
            models.UniqueConstraint(fields=["issue"], condition=Q(ended_at=None), name="handover_one_open_per_issue"),
            models.CheckConstraint(
                condition=Q(due_at__gte=F("started_at")),
                name="handover_clock_runs_forward",
            ),
            models.CheckConstraint(
                condition=Q(rung_at__len__gt=0, rung_at__len=F("rung_kinds__len")),
                name="handover_ladder_is_whole",
            ),
        ]
        indexes = [
            models.Index(
                fields=["to_department", "issue"],
                condition=Q(to_department__isnull=False),
                name="handover_department_issue",
            ),
            models.Index(fields=["id"], condition=Q(is_overdue=True, is_on_record=False), name="handover_to_record"),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id}: {self.get_kind_display()}"

    @property
    def soon_at(self) -> datetime | None:
        """When its lamp turns yellow: the reminder."""
        return soon_in(self.rung_at, self.rung_kinds)


class Pause(models.Model):
    """A clock that stands still 挂账 until a date: the pause ledger. At most one is open per handover.

    While it is open, the handover's ladder and due time are stored as they will be if it ends when planned.
    """

    handover = models.ForeignKey(Handover, models.PROTECT, related_name="pauses", verbose_name=_("handover"))
    started_at = models.DateTimeField(_("started"))
    until = models.DateTimeField(_("planned end"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    reason = models.TextField(_("reason"), blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)

    if TYPE_CHECKING:
        handover_id: int

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints = [
            models.UniqueConstraint(
                fields=["handover"], condition=Q(ended_at=None), name="pause_one_open_per_handover"
            ),
            models.CheckConstraint(condition=Q(until__gt=F("started_at")), name="pause_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.handover_id}: {self.started_at:%Y-%m-%d}"


class IssueEvent(models.Model):
    """One line of the history. Append-only; `seq`, `previous` and `hash` are set by a database trigger.

    state, holder_*, due_at and rung are the issue's values after the event: folding is reading the newest line.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="events", db_index=False, verbose_name=_("issue"))
    seq = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=20)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False)
    post = models.ForeignKey(Post, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices)
    holder_grid = models.ForeignKey(Grid, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    holder_department = models.ForeignKey(
        Department, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    due_at = models.DateTimeField(null=True)
    rung = models.PositiveSmallIntegerField(default=Rung.ON_TIME)
    payload = models.JSONField(default=dict)
    previous = models.BinaryField(default=bytes)
    hash = models.BinaryField(default=bytes)

    if TYPE_CHECKING:
        issue_id: int
        actor_id: int | None

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [models.UniqueConstraint(fields=["issue", "seq"], name="event_sequence_per_issue")]

    def __str__(self) -> str:
        return f"{self.issue_id}#{self.seq} {self.kind}"


class Photo(models.Model):
    """A picture of the issue, re-encoded on arrival (no EXIF, no foreign bytes)."""

    class Stage(models.TextChoices):
        REPORT = "report", pgettext_lazy("photo", "as found")
        RESULT = "result", pgettext_lazy("photo", "after handling")

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="photos", verbose_name=_("issue"))
    stage = models.CharField(_("stage"), max_length=8, choices=Stage.choices)
    file = models.ImageField(_("picture"), upload_to="photos/%Y/%m/%d/", width_field="width", height_field="height")
    width = models.PositiveIntegerField(_("width (px)"), default=0)
    height = models.PositiveIntegerField(_("height (px)"), default=0)
    sha256 = models.CharField(max_length=64)
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(_("added"))

    if TYPE_CHECKING:
        issue_id: int

    class Meta:
        verbose_name = _("photo")
        verbose_name_plural = _("photos")
        constraints = [models.UniqueConstraint(fields=["issue", "stage", "sha256"], name="photo_kept_once")]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.stage}"
