"""Rule sets: drafted, tried on the past, put in force; and what is wrong with rules."""

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.common.refusals import Refused
from apps.issues.admin.catalogue import CatalogueAdmin
from apps.issues.admin.issues import ReadOnly
from apps.issues.admin.kinds import AnySelect, KindSelect
from apps.issues.models import DryRun, RoutingRule, RuleAlarm, RuleSet
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.selectors.dry_run_words import report_of
from apps.issues.selectors.rules import check_routing, rule_faults
from apps.issues.services.dry_runs import DEFAULT_MOST, MOST, SILENT, Wish, ask_for_dry_run, stop_dry_run
from apps.issues.services.rule_alarms import clear_rule_alarms
from apps.issues.services.rule_sets import RulesAreFixed, activate_rule_set, draft_rule_set, is_tried, switch_rule

if TYPE_CHECKING:
    RuleFormBase = forms.ModelForm[RoutingRule]
    RuleSetFormBase = forms.ModelForm[RuleSet]
    InlineBase = admin.TabularInline[RoutingRule, RuleSet]
    AlarmBase = admin.ModelAdmin[RuleAlarm]
else:  # Django's classes take no type at run time
    RuleFormBase = RuleSetFormBase = forms.ModelForm
    InlineBase = admin.TabularInline
    AlarmBase = admin.ModelAdmin

CONDITIONS = ["order", "name", "category", "area", "is_urgent", "is_working_time"]
FOLLOWED = ["to_tier", "department_kind", "assigns_directly", "is_active"]


class RuleForm(RuleFormBase):
    """Says why a rule could never hold or be followed, before it is kept."""

    class Meta:
        model = RoutingRule
        fields = ["rule_set", *CONDITIONS, *FOLLOWED]
        widgets = {"department_kind": KindSelect, "is_urgent": AnySelect, "is_working_time": AnySelect}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's own hook: here the row is as it would be kept
        for fault in rule_faults(self.instance, clock.now()) if not self.errors else []:
            self.add_error(fault.field_name if fault.field_name in self.fields else None, str(fault))


class RuleInline(InlineBase):
    """The rules of a draft, edited in one table; those of other sets are read."""

    form = RuleForm
    model = RoutingRule
    fields = [*CONDITIONS, *FOLLOWED]
    autocomplete_fields = ["category", "area"]
    ordering = ["order", "id"]
    extra = 0
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return obj is not None and obj.is_draft and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return (obj is None or obj.is_draft) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return (obj is None or obj.is_draft) and super().has_delete_permission(request, obj)


class RuleSetForm(RuleSetFormBase):
    """A new set is a draft, best begun as a copy of what routes now."""

    copy_of = forms.ModelChoiceField(RuleSet.objects, required=False, label=_("Begin with the rules of"))

    class Meta:
        model = RuleSet
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "copy_of" in self.fields:
            self.fields["copy_of"].initial = RuleSet.objects.filter(state=RuleSet.State.ACTIVE).first()


class DryRunForm(forms.Form):
    """Which past issues to look at."""

    since = forms.DateField(
        required=False, label=_("Filed since"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    most = forms.IntegerField(min_value=1, max_value=MOST, initial=DEFAULT_MOST, label=_("At most (the newest)"))

    def wish(self) -> Wish:
        """As the service wants it."""
        day = self.cleaned_data["since"]
        since = timezone.make_aware(datetime.combine(day, time())) if day else None
        return Wish(since, self.cleaned_data["most"])


@admin.register(RuleSet)
class RuleSetAdmin(CatalogueAdmin):
    """Drafts are edited and tried, one set is active, old ones stay to be read and can be brought back."""

    form = RuleSetForm
    change_form_template = "issues/admin_rule_set.html"
    list_display = ["version", "name", "state", "tried", "activated_at", "retired_at"]
    list_display_links = ["version", "name"]
    list_filter = ["state"]
    search_fields = ["name"]
    ordering = ["-version"]
    actions = ["activate"]

    def get_fields(self, request: HttpRequest, obj: RuleSet | None = None) -> Any:  # noqa: ANN401 - as in its stub
        return ["name", "copy_of"] if obj is None else ["name", "version", "state", "activated_at", "retired_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: RuleSet | None = None) -> list[str]:
        return [] if obj is None else ["version", "state", "activated_at", "retired_at"]

    def get_inlines(self, request: HttpRequest, obj: RuleSet | None) -> Any:  # noqa: ANN401 - as in its stub
        return [RuleInline] if obj is not None else []

    def get_form(self, request: HttpRequest, obj: RuleSet | None = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: ANN401
        """The copy is chosen once, when the set is made."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is not None:
            form.base_fields.pop("copy_of", None)
        return form

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once would not ask which of them route."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return (obj is None or obj.is_draft) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: RuleSet, form: Any, change: bool) -> None:  # noqa: ANN401
        if change:
            super().save_model(request, obj, form, change)
            clear_rule_alarms(rule_set_id=obj.pk)
            return
        made = draft_rule_set(name=obj.name, copy_of=form.cleaned_data.get("copy_of"), now=clock.now())
        obj.pk, obj.version, obj.created_at = made.pk, made.version, made.created_at

    def response_add(self, request: HttpRequest, obj: RuleSet, post_url_continue: str | None = None) -> HttpResponse:
        """Straight to its rules."""
        return HttpResponseRedirect(reverse("admin:issues_ruleset_change", args=[obj.pk]))

    @admin.display(description=_("tried"), boolean=True)
    def tried(self, obj: RuleSet) -> bool | None:
        """Whether a draft was tried as it is now."""
        return is_tried(obj) if obj.is_draft else None

    @admin.action(description=_("Put the chosen set in force"), permissions=["change"])
    def activate(self, request: HttpRequest, queryset: "models.QuerySet[RuleSet]") -> None:
        """Exactly one."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            self.message_user(request, translate("Choose exactly one rule set."), messages.ERROR)
            return
        self._activate(request, chosen[0])

    def _activate(self, request: HttpRequest, chosen: RuleSet) -> None:
        try:
            activate_rule_set(rule_set_id=chosen.pk, now=clock.now())
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return
        self.log_change(request, chosen, [{"changed": {"fields": [str(_("state"))]}}])
        self.message_user(request, translate("Rule set %(set)s is in force.") % {"set": chosen}, messages.SUCCESS)

    def get_urls(self) -> list[URLPattern]:
        dry_run = path("<int:pk>/dry-run/", self.admin_site.admin_view(self.dry_run), name="issues_ruleset_dryrun")
        return [dry_run, *super().get_urls()]

    def dry_run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Try the set on past issues, watch it, stop it, read what would change, put the set in force."""
        rule_set = get_object_or_404(RuleSet, pk=pk)
        if not self.has_change_permission(request, rule_set):
            raise PermissionDenied
        form = DryRunForm(request.POST if request.POST.get("do") == "start" else None)
        if request.method == "POST" and self._did(request, rule_set, form):
            return HttpResponseRedirect(reverse("admin:issues_ruleset_dryrun", args=[pk]))
        run = rule_set.dry_runs.first()
        now = clock.now()
        context = {
            **self.admin_site.each_context(request),
            "title": translate("Dry run of rule set %(set)s") % {"set": rule_set},
            "opts": self.opts,
            "rule_set": rule_set,
            "form": form,
            "run": run,
            "report": report_of(run) if run and run.seen else None,
            "is_running": run is not None and run.state == DryRun.State.RUNNING,
            "is_silent": run is not None and run.state == DryRun.State.RUNNING and run.beat_at <= now - SILENT,
            "may_activate": rule_set.state != RuleSet.State.ACTIVE and (not rule_set.is_draft or is_tried(rule_set)),
            "findings": check_routing(now=now, rule_set=rule_set),
        }
        return TemplateResponse(request, "issues/admin_dry_run.html", context)

    def _did(self, request: HttpRequest, rule_set: RuleSet, form: DryRunForm) -> bool:
        """Whether what the page asked for was done, or refused with a message."""
        wanted = request.POST.get("do")
        if wanted == "start" and not form.is_valid():
            return False
        try:
            if wanted == "start":
                asked_by = request.user.pk
                ask_for_dry_run(rule_set_id=rule_set.pk, wish=form.wish(), asked_by_id=asked_by, now=clock.now())
            elif wanted == "stop" and (run := rule_set.dry_runs.first()) is not None:
                stop_dry_run(run_id=run.pk, now=clock.now())
            elif wanted == "activate":
                self._activate(request, rule_set)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return True


@admin.register(RoutingRule)
class RoutingRuleAdmin(CatalogueAdmin):
    """Exceptions to the powers, in the order of asking. Those in force are only switched off and on."""

    form = RuleForm
    list_display = ["order", "name", "rule_set", "category", "area", "to_tier", "department_kind", "is_active"]
    list_display_links = ["name"]
    list_select_related = ["rule_set", "category", "area"]
    list_filter = ["rule_set__state", "is_active", "to_tier"]
    search_fields = ["name"]
    autocomplete_fields = ["category", "area"]
    ordering = ["-rule_set__version", "order", "id"]

    def get_readonly_fields(self, request: HttpRequest, obj: RoutingRule | None = None) -> list[str]:
        if obj is None or obj.rule_set.is_draft:
            return []
        fixed = ["rule_set", *CONDITIONS, *FOLLOWED]
        return fixed if obj.rule_set.state == RuleSet.State.RETIRED else [name for name in fixed if name != "is_active"]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:  # noqa: ANN401
        """New rules go into drafts."""
        if db_field.name == "rule_set":
            kwargs["queryset"] = RuleSet.objects.filter(state=RuleSet.State.DRAFT)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def has_delete_permission(self, request: HttpRequest, obj: RoutingRule | None = None) -> bool:
        return (obj is None or obj.rule_set.is_draft) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: RoutingRule, form: Any, change: bool) -> None:  # noqa: ANN401
        if change and not obj.rule_set.is_draft:
            try:
                switch_rule(rule_id=obj.pk, is_active=obj.is_active)
            except RulesAreFixed as refused:
                self.message_user(request, str(refused), messages.ERROR)
            return
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_catalogue)


@admin.register(RuleAlarm)
class RuleAlarmAdmin(ReadOnly, AlarmBase):
    """What routing could not follow. A line goes when somebody has saved the rule or its set."""

    list_display = ["rule", "fault", "detail", "raised_at"]
    list_select_related = ["rule"]
    list_filter = ["fault"]
    ordering = ["-raised_at"]
    list_per_page = 50
    show_full_result_count = False
