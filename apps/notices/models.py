"""Who is told what. Knows nothing of issues: a notice has a text, a link and a reader.

A notice is read in the platform. What also leaves the house is a `Delivery`: one notice by one channel to one place.
"""

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Func, Q
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.grids.models import Grid
from apps.notices import kinds
from apps.staff.models import Department


class Notice(models.Model):
    """One message to one person. `text` is an English msgid with %(name)s places, filled from `values` on reading."""

    class Channel(models.TextChoices):
        IN_APP = "in_app", _("in the platform")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices", verbose_name=_("recipient")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, default=Channel.IN_APP)
    text = models.CharField(_("text"), max_length=200)
    values = models.JSONField(_("values"), default=dict, blank=True)
    link = models.CharField(_("link"), max_length=120, blank=True)
    created_at = models.DateTimeField(_("created"))
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    if TYPE_CHECKING:
        recipient_id: int

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(fields=["recipient", "-id"], name="notice_recipient_newest"),
            models.Index(fields=["recipient"], condition=Q(read_at=None), name="notice_unread"),
        ]

    def __str__(self) -> str:
        """Never the sentence: lists, links and records show this to people whom nobody told."""
        return f"{kinds.kind_of(self.text)} · {self.pk}"

    @property
    def sentence(self) -> str:
        """The text in the reader's language."""
        return str(translate(self.text) % self.values)


class Way(models.TextChoices):
    """A channel by which a notice leaves the house."""

    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")
    WEBHOOK = "webhook", _("webhook")


PERSONAL_WAYS = (Way.EMAIL, Way.SMS)  # people choose these for themselves; quiet hours hold them back


class ChannelSetting(models.Model):
    """One person's wish to be told by one channel. An empty address or language means the person's own."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="channel_settings", verbose_name=_("person")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=[(way.value, way.label) for way in PERSONAL_WAYS])
    address = models.CharField(_("address"), max_length=254, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("channel setting")
        verbose_name_plural = _("channel settings")
        constraints = [models.UniqueConstraint(fields=["user", "channel"], name="channelsetting_one_per_channel")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_channel_display()}"


class QuietHours(models.Model):
    """One person's own quiet hours instead of the city's; equal times mean none."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="quiet_hours", verbose_name=_("person")
    )
    starts_at = models.TimeField(_("from"))
    ends_at = models.TimeField(_("until"))

    class Meta:
        verbose_name = _("quiet hours")
        verbose_name_plural = _("quiet hours")

    def __str__(self) -> str:
        return f"{self.starts_at:%H:%M}–{self.ends_at:%H:%M}"


class WebhookEndpoint(models.Model):
    """Another system that listens. It hears what people of its department or area are told; with neither, everything.

    `kinds` are names of apps.notices.kinds, none for all. While a new secret is introduced both are used to sign.
    The last two fields are kept by services.patience.
    """

    name = models.CharField(_("name"), max_length=60)
    url = models.CharField(_("address"), max_length=500, validators=[URLValidator(schemes=["http", "https"])])
    secret = models.CharField(_("secret"), max_length=100)
    previous_secret = models.CharField(_("previous secret"), max_length=100, blank=True)
    department = models.ForeignKey(
        Department, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("department")
    )
    grid = models.ForeignKey(
        Grid, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("cell and everything in it")
    )
    kinds = ArrayField(models.CharField(max_length=40), verbose_name=_("kinds of notices"), default=list, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    since = models.DateTimeField(_("since"))
    refused_since = models.DateTimeField(_("says “later” since"), null=True, blank=True, editable=False)
    rests_until = models.DateTimeField(_("left alone until"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """The outbox: one notice on its way to one address. `key` names it towards receivers, the same at every try."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("delivery", "waiting")
        HELD = "held", pgettext_lazy("delivery", "held for quiet hours")
        SENT = "sent", pgettext_lazy("delivery", "sent")
        GIVEN_UP = "given_up", pgettext_lazy("delivery", "given up")

    key = models.UUIDField(_("delivery id"), unique=True, db_default=Func(function="gen_random_uuid"), editable=False)
    notice = models.ForeignKey(
        Notice, models.CASCADE, db_index=False, related_name="deliveries", verbose_name=_("notice")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Way.choices)
    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("webhook")
    )
    is_urgent = models.BooleanField(_("urgent"), default=False)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"))
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    if TYPE_CHECKING:
        notice_id: int
        endpoint_id: int | None

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "channel", "endpoint"], nulls_distinct=False, name="delivery_once_per_place"
            ),
            models.CheckConstraint(
                condition=Q(channel="webhook", endpoint__isnull=False) | ~Q(channel="webhook") & Q(endpoint=None),
                name="delivery_webhook_has_an_endpoint",
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "next_attempt_at", "id"],
                condition=Q(state__in=["waiting", "held"]),
                name="delivery_due",
            ),
            models.Index(fields=["-id"], condition=Q(state="given_up"), name="delivery_given_up"),
            models.Index(fields=["sent_at"], condition=Q(state="sent"), name="delivery_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.key}"


class FanOutMark(models.Model):
    """One row (id 1): how far the notices have been looked through for deliveries. See services.fan_out.

    Every notice up to `settled_id` is done for good; up to `seen_id` whatever could be seen. `mark_id` settles once no
    transaction older than `mark_xid` is open.
    """

    settled_id = models.BigIntegerField()
    seen_id = models.BigIntegerField()
    mark_id = models.BigIntegerField()
    mark_xid = models.BigIntegerField()
    marked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.settled_id} … {self.seen_id}"
