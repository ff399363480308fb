"""Cells: the tree, loaded branch by branch, and the list."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog, get_formats
from django_mptt_admin.admin import DjangoMpttAdmin

from apps.common import clock
from apps.grids.forms import CellForm
from apps.grids.models import Grid, Lineage, Tier
from apps.grids.refusals import TreeRefused
from apps.grids.services import close_cell, create_cell, delete_cell, move_cell, rename_cell, tree_lock
from apps.grids.services.cells import check_delete, check_move

FIRST_DAYS = ["code", "name", "tier", "parent", "is_local_code", "valid_from"]
LATER_DAYS = ["code", "name", "pinyin", "tier", "parent", "is_local_code", "valid_from", "drawn", "valid_to", "heir"]
CLOSED_DAYS = [*LATER_DAYS[:-1], "went_on_as"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.filters import _ListFilterChoices
    from django.contrib.admin.views.main import ChangeList

    _GridModelAdmin = DjangoMpttAdmin[Grid]
else:  # Django's classes take no type at run time
    _GridModelAdmin = DjangoMpttAdmin


class TreeWords(JavaScriptCatalog):
    """The words that the tree's script asks for."""

    def get(self, request: HttpRequest, *args: object, **options: object) -> HttpResponse:
        words = {
            "add": _("add"),
            "edit": _("edit"),
            "view": _("view"),
            "Add child to %s": _("Add a cell below %s"),
            "Edit %s": _("Edit %s"),
            "View %s": _("View %s"),
            "Loading": _("Loading…"),
            "Error while loading the data from the server": _("The cells could not be loaded. Try again."),
            "move failed": _("not possible: a cell hangs one tier below its parent, and districts stay roots"),
        }
        catalog = {key: str(word) for key, word in words.items()}
        return self.render_to_response({"catalog": catalog, "formats": get_formats(), "plural": None})


class LiveFilter(admin.SimpleListFilter):
    """Living cells unless one asks for the closed ones."""

    title = _("state")
    parameter_name = "closed"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Grid]") -> list[tuple[str, Any]]:
        return [("1", _("closed"))]

    def choices(self, changelist: "ChangeList") -> "Iterator[_ListFilterChoices]":
        """Call the first choice what it is."""
        first, *others = super().choices(changelist)
        yield {**first, "display": _("in use")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Grid]) -> QuerySet[Grid]:
        return queryset.filter(valid_to=None) if self.value() is None else queryset.exclude(valid_to=None)


@admin.register(Grid)
class GridAdmin(_GridModelAdmin):
    """The tree as jqTree; a drag is a move of the cell with its ground; order among siblings is that of the codes."""

    form = CellForm
    tree_auto_open = False
    change_tree_template = "grids/admin_tree.html"
    change_list_template = "grids/admin_list.html"
    tree_load_on_demand = 1
    list_display = ["code", "name", "tier", "parent", "valid_from"]
    list_display_links = ["code", "name"]
    list_filter = ["tier", LiveFilter]
    list_select_related = ["parent"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["name", "code__startswith", "pinyin__startswith"]
    search_help_text = _("Name, beginning of the code, or pinyin initials")
    autocomplete_fields = ["parent"]
    actions = None

    def get_list_filter(self, request: HttpRequest) -> Any:  # noqa: ANN401 - as in its stub
        """Filter the list alone: a tree with holes is no tree."""
        is_list = request.resolver_match is not None and request.resolver_match.url_name == "grids_grid_grid"
        return self.list_filter if is_list else ()

    def get_fields(self, request: HttpRequest, obj: Grid | None = None) -> Any:  # noqa: ANN401 - as in its stub
        if obj is None:
            return FIRST_DAYS
        return LATER_DAYS if obj.valid_to is None else CLOSED_DAYS

    def get_readonly_fields(self, request: HttpRequest, obj: Grid | None = None) -> list[str]:
        """Everything of a closed cell; of a living one what only time may change."""
        if obj is None:
            return []
        if obj.valid_to is not None:
            return CLOSED_DAYS
        fixed = ["code", "pinyin", "tier", "is_local_code", "valid_from", "drawn"]
        return [*fixed, "parent"] if obj.tier <= Tier.DISTRICT else fixed

    @admin.display(description=_("went on as"))
    def went_on_as(self, obj: Grid) -> str:
        """The cells that took over from a closed one."""
        heirs = Grid.objects.filter(origins__old=obj, origins__kind__in=[Lineage.Kind.MERGE, Lineage.Kind.SPLIT])
        return ", ".join(heirs.order_by("code").values_list("name", flat=True)) or "–"

    @admin.display(description=_("boundary"))
    def drawn(self, obj: Grid) -> str:
        """A link to the cell's boundary, or to draw one."""
        if hasattr(obj, "boundary"):
            return format_html(
                '<a href="{}">{}</a>', reverse("admin:grids_boundary_change", args=[obj.pk]), _("Change the boundary")
            )
        return format_html(
            '<a href="{}?grid={}">{}</a>', reverse("admin:grids_boundary_add"), obj.pk, _("Draw the boundary")
        )

    def get_urls(self) -> list[URLPattern]:
        """Put our own words before those of django-mptt-admin, which speaks no Chinese."""
        words = path("jsi18n/", self.admin_site.admin_view(TreeWords.as_view()), name="grids_grid_jsi18n")
        return [words, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Grid], search_term: str
    ) -> tuple[QuerySet[Grid], bool]:
        """Offer living cells only where a cell is chosen."""
        if request.resolver_match and request.resolver_match.url_name == "autocomplete":
            queryset = queryset.filter(valid_to=None)
        return super().get_search_results(request, queryset, search_term)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Say that actions are on top: without them Django's template writes an inline style, which the CSP refuses."""
        return super().changelist_view(request, {"actions_on_top": True, **(extra_context or {})})

    def filter_tree_queryset(self, queryset: QuerySet[Grid], request: HttpRequest) -> QuerySet[Grid]:
        return queryset.filter(valid_to=None)

    def move_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer a drag: 200, or 409 with the sentence why not. Nodes are read after the lock is taken."""
        if request.method != "POST":
            return HttpResponse(status=405)
        try:
            with tree_lock():
                cell, target = self._living(object_id), self._living(request.POST.get("target_id", ""))
                if not self.has_change_permission(request, cell):
                    raise PermissionDenied
                parent = target if request.POST.get("position") == "inside" else target.parent
                check_move(cell=cell, parent=parent)
                if parent is not None and parent.pk != cell.parent_id:
                    move_cell(cell_id=cell.pk, parent_id=parent.pk, now=clock.now())
                    self.log_change(request, cell, [{"changed": {"fields": [str(_("parent cell"))]}}])
        except TreeRefused as refusal:
            return JsonResponse({"success": False, "message": str(refusal)}, status=409)
        return JsonResponse({"success": True})

    def _living(self, given: str) -> Grid:
        plain = unquote(given)
        cell = Grid.objects.filter(pk=plain, valid_to=None).first() if plain.isdecimal() and len(plain) < 19 else None
        if cell is None:
            raise Http404
        return cell

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Check and save under one lock."""
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        with tree_lock():
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Grid, form: "ModelForm[Grid]", change: bool) -> None:
        """Hand each change to its service."""
        values = form.cleaned_data
        if not change:
            parent = values.get("parent")
            made = create_cell(
                code=values["code"],
                name=values["name"],
                tier=values["tier"],
                parent_id=parent.pk if parent else None,
                valid_from=values["valid_from"],
                is_local_code=values["is_local_code"],
            )
            obj.pk = made.pk
        else:
            self._save_changes(obj.pk, form)
        obj.refresh_from_db()

    def _save_changes(self, cell_id: int, form: "ModelForm[Grid]") -> None:
        values, now = form.cleaned_data, clock.now()
        if "name" in form.changed_data:
            rename_cell(cell_id=cell_id, name=values["name"])
        if "parent" in form.changed_data and values["parent"]:
            move_cell(cell_id=cell_id, parent_id=values["parent"].pk, now=now)
        if values.get("valid_to"):
            heir = values.get("heir")
            close_cell(cell_id=cell_id, heir_id=heir.pk if heir else None, now=now)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse in one sentence what is in use, instead of listing a hundred thousand protected rows."""
        with tree_lock():
            cell = self.get_object(request, unquote(object_id))
            if cell is not None and self.has_delete_permission(request, cell):
                try:
                    check_delete(cell=cell)
                except TreeRefused as refusal:
                    self.message_user(request, str(refusal), messages.ERROR)
                    return HttpResponseRedirect(reverse("admin:grids_grid_change", args=[cell.pk]))
            return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Grid) -> None:
        delete_cell(cell_id=obj.pk)
