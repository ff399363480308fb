"""People, departments and posts for administrators."""

from typing import TYPE_CHECKING, Any, Final

import rest_framework.authtoken.admin  # noqa: F401 - registers what is taken away again below
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _
from rest_framework.authtoken.models import TokenProxy

from apps.common import clock
from apps.common.refusals import Refused
from apps.staff.models import Department, Post, Role, User
from apps.staff.services.posts import Appointment, DepartmentMissing, appoint, check_free, end_post

if TYPE_CHECKING:
    DepartmentBase = admin.ModelAdmin[Department]
    PostBase = admin.ModelAdmin[Post]
    PostFormBase = forms.ModelForm[Post]
    PersonBase = UserAdmin[User]
else:  # Django's classes take no type at run time
    DepartmentBase = PostBase = admin.ModelAdmin
    PostFormBase = forms.ModelForm
    PersonBase = UserAdmin

PRIVILEGES: Final = ("is_staff", "is_superuser", "groups", "user_permissions")

# a token is as good as a password: no list shows it, not even to administrators
admin.site.unregister(TokenProxy)


@admin.register(User)
class PersonAdmin(PersonBase):
    """Accounts. A person who leaves is switched off, never deleted: history names them."""

    list_display = ["username", "name", "phone", "is_active", "is_staff"]
    list_filter = ["is_active", "is_staff"]
    search_fields = ["username", "name", "pinyin__startswith", "phone__startswith"]
    ordering = ["username"]
    list_per_page = 50
    show_full_result_count = False
    filter_horizontal = ["groups"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["name", "pinyin", "phone", "email", "language", "text_size"]}),
        (_("Access"), {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {"classes": ["wide"], "fields": ["username", "name", "phone", "usable_password", "password1", "password2"]},
        )
    ]
    readonly_fields = ["last_login", "date_joined"]

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """A superuser alone changes other administrators: who sets their password could act as they may."""
        is_own_or_ordinary = obj is None or obj == request.user or not (obj.is_staff or obj.is_superuser)
        return super().has_change_permission(request, obj) and (is_own_or_ordinary or _is_superuser(request))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """A superuser alone gives rights in the admin."""
        given = list(super().get_readonly_fields(request, obj))
        return given if _is_superuser(request) else [*given, *PRIVILEGES]


admin.site.unregister(Group)


@admin.register(Group)
class RightsAdmin(GroupAdmin):
    """Rights in the admin by group. Only for superusers: who could change a group could give themselves every right."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _is_superuser(request)

    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


@admin.register(Department)
class DepartmentAdmin(DepartmentBase):
    """Line departments 条 of the city, districts and level-1 cells."""

    list_display = ["name", "kind", "grid", "code", "phone"]
    list_select_related = ["grid"]
    list_filter = ["kind"]
    search_fields = ["name", "name_en", "code__startswith", "grid__name"]
    autocomplete_fields = ["grid"]
    ordering = ["grid__code", "code"]
    list_per_page = 50
    show_full_result_count = False


class PostForm(PostFormBase):
    """Says who holds the post already, instead of naming a constraint."""

    class Meta:
        model = Post
        fields = ["user", "grid", "role", "department", "valid", "is_stand_in"]

    def clean(self) -> dict[str, Any] | None:
        """Refuse a second leader of a cell at the same time."""
        cleaned = super().clean()
        asked = self.cleaned_data
        if "valid" in asked and (asked["valid"] is None or asked["valid"].lower is None):
            self.add_error("valid", _("Say from which day."))
        if asked.get("role") == Role.HANDLER and asked.get("department") is None:
            self.add_error("department", str(DepartmentMissing()))
        if not self.errors:
            values = {name: asked[name] for name in ("user", "grid", "role", "valid", "is_stand_in")}
            try:
                check_free(post=Post(pk=self.instance.pk, **values))
            except Refused as refused:
                self.add_error(refused.field, str(refused))
        return cleaned


@admin.register(Post)
class PostAdmin(PostBase):
    """Who holds which role where, from when to when. Posts are ended, not deleted."""

    form = PostForm
    list_display = ["user", "role", "grid", "department", "valid", "is_stand_in"]
    list_select_related = ["user", "grid", "department"]
    list_filter = ["role", "is_stand_in"]
    search_fields = ["user__username", "user__name", "grid__name", "grid__code__startswith"]
    autocomplete_fields = ["user", "grid", "department"]
    ordering = ["-id"]
    list_per_page = 50
    show_full_result_count = False
    actions = ["end_today"]

    def has_delete_permission(self, request: HttpRequest, obj: Post | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Post, form: Any, change: bool) -> None:  # noqa: ANN401
        """A new post is given by the service; an existing one is corrected as it stands."""
        if change:
            super().save_model(request, obj, form, change)
            return
        assert obj.valid.lower is not None  # the form has looked
        obj.pk = appoint(
            appointment=Appointment(
                user=obj.user,
                grid=obj.grid,
                role=Role(obj.role),
                since=obj.valid.lower,
                until=obj.valid.upper,
                department=obj.department,
                is_stand_in=obj.is_stand_in,
            )
        ).pk

    @admin.action(description=_("End the chosen posts today"), permissions=["change"])
    def end_today(self, request: HttpRequest, queryset: QuerySet[Post]) -> None:
        """Today is the first day on which they are no longer held."""
        today, ended = timezone.localdate(clock.now()), 0
        for post in queryset.select_related("user", "grid"):
            try:
                end_post(post=post, on=today)
                ended += 1
            except Refused as refused:
                self.message_user(request, f"{post}: {refused}", messages.ERROR)
        if ended:
            words = translate("Posts ended: %(count)d") % {"count": ended}
            self.message_user(request, words, messages.SUCCESS)
