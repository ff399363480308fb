"""Who works where: people, departments, and dated posts."""

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from rest_framework.authtoken.models import Token

from apps.common.languages import localized
from apps.grids.models import Grid


class TextSize(models.TextChoices):
    """The phone's letter size; the elder size is the phone's default (reference: ux B7)."""

    STANDARD = "standard", _("Standard")
    LARGE = "large", _("Large")
    HUGE = "huge", _("Extra large")


class User(AbstractUser):
    """A person of the city's staff. Signs in with the staff number 工号."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(_("name"), max_length=60)
    pinyin = models.CharField(_("pinyin initials"), max_length=60, blank=True, db_index=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True, db_index=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    text_size = models.CharField(_("text size"), max_length=10, choices=TextSize.choices, default=TextSize.STANDARD)

    objects: ClassVar[UserManager[Self]] = UserManager()

    REQUIRED_FIELDS = ["name"]

    _has_new_lock = False

    if TYPE_CHECKING:
        _password: str | None  # set between set_password and save

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.name or self.username

    def set_unusable_password(self) -> None:
        """Nobody signs in as this person any more; like a new password, it ends the token when it is saved."""
        super().set_unusable_password()
        self._has_new_lock = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a new password and the end of the account end the person's token, too.

        A password that is only hashed anew when its owner signs in is no new one: Django leaves `_password` empty then.
        """
        ends_token = self._password is not None or self._has_new_lock or not self.is_active
        super().save(*args, **kwargs)
        if ends_token and self.pk is not None:
            Token.objects.filter(user_id=self.pk).delete()
            self._has_new_lock = False

    def get_full_name(self) -> str:
        """Return the person's name; Chinese names are kept whole."""
        return self.name

    def get_short_name(self) -> str:
        """Return the person's name; Chinese names are kept whole."""
        return self.name


class SignInFailure(models.Model):
    """One failed try to sign in. Keys are digests: `key` of person and address, the others of one of them.

    Neither an account nor an address is kept in the clear.
    """

    key = models.CharField(max_length=64)
    person_key = models.CharField(max_length=64, default="")
    address_key = models.CharField(max_length=64, default="")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["key", "at"], name="signinfailure_key_at"),
            models.Index(fields=["person_key", "at"], name="signinfailure_person_at"),
            models.Index(fields=["address_key", "at"], name="signinfailure_address_at"),
            models.Index(fields=["at"], name="signinfailure_at"),
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.at:%Y-%m-%d %H:%M}"


class Department(models.Model):
    """A line department 条 of the city, a district or a level-1 cell; `kind` is one word city-wide: 'chengguan'."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=30, db_index=True)
    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=100, blank=True)
    grid = models.ForeignKey(Grid, models.PROTECT, related_name="departments", verbose_name=_("cell it belongs to"))
    phone = models.CharField(_("duty phone"), max_length=20, blank=True)

    if TYPE_CHECKING:
        grid_id: int

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        constraints = [models.UniqueConstraint(fields=["grid", "kind"], name="department_one_of_a_kind_per_cell")]

    def __str__(self) -> str:
        return localized(self.name, self.name_en)


class Role(models.TextChoices):
    """What a post lets its holder do (reference: domain §5)."""

    MEMBER = "member", pgettext_lazy("role", "grid member")
    LEADER = "leader", pgettext_lazy("role", "grid leader")
    FIRST = "first", pgettext_lazy("role", "first-responsible person")
    CLERK = "clerk", pgettext_lazy("role", "platform clerk")
    DISPATCHER = "dispatcher", pgettext_lazy("role", "dispatcher")
    DUTY_CHIEF = "duty_chief", pgettext_lazy("role", "duty chief")
    HANDLER = "handler", pgettext_lazy("role", "department handler")
    INSPECTOR = "inspector", pgettext_lazy("role", "inspector")
    VIEWER = "viewer", pgettext_lazy("role", "viewer")
    SYSTEM_ADMIN = "system_admin", pgettext_lazy("role", "system administrator")
    SECURITY_ADMIN = "security_admin", pgettext_lazy("role", "security administrator")
    AUDIT_ADMIN = "audit_admin", pgettext_lazy("role", "audit administrator")


class Post(models.Model):
    """Who holds which role where, from when to when (days, the last one excluded)."""

    user = models.ForeignKey(User, models.PROTECT, related_name="posts", verbose_name=_("person"))
    grid = models.ForeignKey(Grid, models.PROTECT, related_name="posts", verbose_name=_("cell"))
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="posts", verbose_name=_("department")
    )
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    valid = DateRangeField(_("valid"))
    is_stand_in = models.BooleanField(_("stand-in"), default=False)

    if TYPE_CHECKING:
        user_id: int
        grid_id: int
        department_id: int | None

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints = [
            ExclusionConstraint(
                name="post_one_leader_of_a_cell_at_a_time",
                expressions=[("grid", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                condition=Q(role="leader", is_stand_in=False),
            ),
            ExclusionConstraint(
                name="post_one_first_responsible_of_a_cell_at_a_time",
                expressions=[("grid", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
                condition=Q(role="first", is_stand_in=False),
            ),
            models.CheckConstraint(
                condition=~Q(role="handler") | Q(department__isnull=False),
                name="post_handler_has_a_department",
            ),
        ]
        indexes = [
            models.Index(fields=["grid", "role"], name="post_grid_role"),
            models.Index(fields=["department", "role"], name="post_department_role"),
        ]  # none on `valid`: nearly every post is valid today, which the planner of a prepared statement cannot know

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.grid}"
