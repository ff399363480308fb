"""Exceptions to the powers: routing rules in sets, of which one is active; what they would change; what is wrong."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.grids.models import Grid, Tier
from apps.issues.models.catalogue import Category
from apps.issues.routing import Answer


class RuleSet(models.Model):
    """One version of all routing rules. A draft is edited and tried on the past; the active one routes; old ones stay.

    Rules of a set that is or was active never change, so that a history can name them; they are only switched off.
    """

    class State(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("rule set", "draft")
        ACTIVE = "active", pgettext_lazy("rule set", "active")
        RETIRED = "retired", pgettext_lazy("rule set", "retired")

    version = models.PositiveIntegerField(_("version"), unique=True)
    name = models.CharField(_("name"), max_length=80)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    created_at = models.DateTimeField(_("made"))
    activated_at = models.DateTimeField(_("active since"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)

    class Meta:
        verbose_name = _("rule set")
        verbose_name_plural = _("rule sets")
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="ruleset_only_one_active")
        ]

    def __str__(self) -> str:
        return f"{self.version} · {self.name}"

    @property
    def is_draft(self) -> bool:
        """Whether its rules may still be changed."""
        return self.state == self.State.DRAFT


class RoutingRule(models.Model):
    """An exception to the powers: the first row in use whose conditions all hold sends the issue straight to a tier.

    `department_kind` and `assigns_directly` mean what they mean in a power.
    """

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="rules", verbose_name=_("rule set"))
    order = models.PositiveIntegerField(_("order"), default=100)
    name = models.CharField(_("name"), max_length=80)
    category = models.ForeignKey(
        Category, models.CASCADE, null=True, blank=True, related_name="rules", verbose_name=_("category")
    )
    area = models.ForeignKey(Grid, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("area"))
    is_urgent = models.BooleanField(_("urgent"), null=True, blank=True)
    is_working_time = models.BooleanField(_("in working time"), null=True, blank=True)
    to_tier = models.PositiveSmallIntegerField(_("to tier"), choices=Tier.choices)
    department_kind = models.CharField(_("kind of department"), max_length=30, blank=True)
    assigns_directly = models.BooleanField(_("the department gets it at once"), default=False)
    is_active = models.BooleanField(_("in use"), default=True)

    if TYPE_CHECKING:
        rule_set_id: int
        category_id: int | None
        area_id: int | None

    class Meta:
        verbose_name = _("routing rule")
        verbose_name_plural = _("routing rules")
        ordering = ["order", "id"]
        constraints = [models.UniqueConstraint(fields=["rule_set", "name"], name="rule_name_once_per_set")]

    def __str__(self) -> str:
        return self.name


class RuleAlarm(models.Model):
    """A rule could not be asked, or would have held but is switched off. Told once, until the rule is mended."""

    class Fault(models.TextChoices):
        OFF = Answer.OFF, _("is switched off, but would have held")
        AREA_GONE = Answer.AREA_GONE, _("its area is closed")
        CATEGORY_GONE = Answer.CATEGORY_GONE, _("its category is not in use")
        NO_TIER = Answer.NO_TIER, _("there is no cell of its tier above a place where its conditions hold")
        NO_DEPARTMENT = Answer.NO_DEPARTMENT, _("there is no department of its kind where its conditions hold")
        NO_CALENDAR = Answer.NO_CALENDAR, _("the working calendar does not know the year")

    rule = models.ForeignKey(RoutingRule, models.CASCADE, related_name="alarms", verbose_name=_("routing rule"))
    fault = models.CharField(_("fault"), max_length=20, choices=Fault.choices)
    detail = models.CharField(_("detail"), max_length=40, blank=True)  # the year the calendar does not know
    raised_at = models.DateTimeField(_("raised"))

    if TYPE_CHECKING:
        rule_id: int

    class Meta:
        verbose_name = _("alarm of a rule")
        verbose_name_plural = _("alarms of rules")
        constraints = [models.UniqueConstraint(fields=["rule", "fault", "detail"], name="rulealarm_once")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.get_fault_display()}"


class DryRun(models.Model):
    """A set tried on past issues: where they would go, beside where the active set would send them. Writes no issue."""

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("dry run", "running")
        FINISHED = "finished", pgettext_lazy("dry run", "finished")
        STOPPED = "stopped", pgettext_lazy("dry run", "stopped")
        FAILED = "failed", pgettext_lazy("dry run", "failed")

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="dry_runs", verbose_name=_("rule set"))
    digest = models.CharField(max_length=64)  # of the rules as they were tried: an edited draft must be tried again
    since = models.DateTimeField(_("filed since"), null=True, blank=True)
    most = models.PositiveIntegerField(_("at most"))
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("asked by")
    )
    started_at = models.DateTimeField(_("started"))
    beat_at = models.DateTimeField(_("last sign of life"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RUNNING)
    should_stop = models.BooleanField(default=False)
    total = models.PositiveIntegerField(_("issues to look at"), default=0)
    seen = models.PositiveIntegerField(_("issues looked at"), default=0)
    after_id = models.BigIntegerField(null=True)  # the newest issues come first; those below this id are still to come
    changed = models.PositiveIntegerField(_("would go elsewhere"), default=0)
    summary = models.JSONField(default=dict)

    if TYPE_CHECKING:
        rule_set_id: int

    class Meta:
        verbose_name = _("dry run")
        verbose_name_plural = _("dry runs")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.rule_set} · {self.get_state_display()}"
