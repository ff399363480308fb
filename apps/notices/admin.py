"""Notices and deliveries for administrators, to be looked at; and the systems that listen.

An administrator sees that somebody was told, of what kind and by which channel. What was said (numbers, cells, rulings)
is for whom it was said to, and for superusers: the right to oversee deliveries is no key to the issues.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.notices import kinds
from apps.notices.channels.signatures import new_secret
from apps.notices.models import Delivery, Notice, WebhookEndpoint
from apps.notices.services.delivery import discard, try_again

if TYPE_CHECKING:
    NoticeBase = admin.ModelAdmin[Notice]
    DeliveryBase = admin.ModelAdmin[Delivery]
    EndpointBase = admin.ModelAdmin[WebhookEndpoint]
    EndpointFormBase = forms.ModelForm[WebhookEndpoint]
else:  # generic for the type checker only
    NoticeBase = DeliveryBase = EndpointBase = admin.ModelAdmin
    EndpointFormBase = forms.ModelForm

Row = TypeVar("Row", Notice, Delivery)

NOTICE_COLUMNS = ("kind", "what", "recipient", "channel", "created_at", "read_at")
DELIVERY_COLUMNS = (
    "kind", "what", "recipient", "channel", "endpoint", "state", "attempts", "next_attempt_at", "last_error",
)  # fmt: skip


class NeverWritten:
    """Rows that the platform writes: nobody adds, changes or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401 - any row
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ANN401
        return False


def opened(rows: QuerySet[Row], recipient: str, request: HttpRequest) -> QuerySet[Row]:
    """Each row knows as `is_open` whether who asks may read it; `recipient` is the path to the person told."""
    is_mine = ExpressionWrapper(Q(**{recipient: request.user.pk}), BooleanField())
    return rows.annotate(is_open=Value(True) if request.user.is_superuser else is_mine)


def if_open(row: Notice | Delivery, words: object) -> str:
    """The words, or that they are for somebody else."""
    return str(words) if getattr(row, "is_open", False) else translate("for the recipient only")


def sentence_if_open(row: Notice | Delivery, notice: Notice) -> str:
    """The sentence; where its places do not fit the values, which is why it was given up, the bare text."""
    try:
        return if_open(row, notice.sentence)
    except (KeyError, TypeError, ValueError):
        return if_open(row, notice.text)


@admin.register(Notice)
class NoticeAdmin(NeverWritten, NoticeBase):
    """Who was told, newest first."""

    list_display = NOTICE_COLUMNS
    fields = (*NOTICE_COLUMNS, "values_if_open", "link_if_open")
    readonly_fields = fields
    list_select_related = ["recipient"]
    list_filter = ["channel"]
    search_fields = ["recipient__username", "recipient__name"]
    ordering = ["-id"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notice]:
        return opened(super().get_queryset(request), "recipient", request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Who may not read the words may not ask by the address whether they contain this or that either."""
        is_said = lookup.split("__")[0] in ("text", "values", "link")
        return not is_said and super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("kind"))
    def kind(self, notice: Notice) -> str:
        """A program's name for what it says."""
        return kinds.kind_of(notice.text)

    @admin.display(description=_("text"))
    def what(self, notice: Notice) -> str:
        """What was said."""
        return sentence_if_open(notice, notice)

    @admin.display(description=_("values"))
    def values_if_open(self, notice: Notice) -> str:
        """What the places of the text were filled with."""
        return if_open(notice, notice.values)

    @admin.display(description=_("link"))
    def link_if_open(self, notice: Notice) -> str:
        """Where it leads."""
        return if_open(notice, notice.link)


@admin.register(Delivery)
class DeliveryAdmin(NeverWritten, DeliveryBase):
    """What leaves the house. "State: given up" is the list of what did not arrive, each with its reason."""

    list_display = DELIVERY_COLUMNS
    fields = (*DELIVERY_COLUMNS, "is_urgent", "created_at", "sent_at", "key")
    readonly_fields = fields
    list_select_related = ["notice__recipient", "endpoint"]
    list_filter = ["state", "channel", "is_urgent", "endpoint"]
    search_fields = ["notice__recipient__username", "notice__recipient__name"]
    ordering = ["-id"]
    show_full_result_count = False
    list_per_page = 50
    actions = ["try_again", "discard"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return opened(super().get_queryset(request), "notice__recipient", request)

    @admin.display(description=_("kind"))
    def kind(self, delivery: Delivery) -> str:
        """A program's name for what it says."""
        return kinds.kind_of(delivery.notice.text)

    @admin.display(description=_("text"))
    def what(self, delivery: Delivery) -> str:
        """What is said."""
        return sentence_if_open(delivery, delivery.notice)

    @admin.display(description=_("recipient"))
    def recipient(self, delivery: Delivery) -> str:
        """Who is told."""
        return str(delivery.notice.recipient)

    def has_try_again_permission(self, request: HttpRequest) -> bool:
        """Rows are not changed by hand; whoever holds the right to change them may send them again."""
        return request.user.has_perm("notices.change_delivery")

    @admin.action(description=_("Try the chosen deliveries again"), permissions=["try_again"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Only what was given up; the rest is on its way."""
        count = try_again(delivery_ids=list(queryset.values_list("id", flat=True)), now=clock.now())
        words = translate("Deliveries to be tried again: %(count)d") % {"count": count}
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Rows are not deleted one by one either; whoever holds the right to delete them may discard what failed."""
        return request.user.has_perm("notices.delete_delivery")

    @admin.action(description=_("Discard the chosen deliveries"), permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Only what was given up; the record of the admin says who did it."""
        chosen = queryset.filter(state=Delivery.State.GIVEN_UP)
        self.log_deletions(request, chosen)
        count = discard(delivery_ids=list(chosen.values_list("id", flat=True)))
        words = translate("Deliveries discarded: %(count)d") % {"count": count}
        self.message_user(request, words, messages.SUCCESS if count else messages.WARNING)


class EndpointForm(EndpointFormBase):
    """Kinds are ticked, not typed; the secret is made here and shown once."""

    kinds = forms.MultipleChoiceField(
        label=_("kinds of notices"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None means all."),
    )

    class Meta:
        model = WebhookEndpoint
        fields = ["name", "url", "department", "grid", "kinds", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kinds"].choices = [(name, name) for name in kinds.names()]  # type: ignore[attr-defined]


@admin.register(WebhookEndpoint)
class EndpointAdmin(EndpointBase):
    """Systems that listen."""

    form = EndpointForm
    list_display = ["name", "url", "department", "grid", "is_active", "rests_until"]
    list_select_related = ["department", "grid"]
    list_filter = ["is_active"]
    autocomplete_fields = ["department", "grid"]
    ordering = ["name", "id"]
    actions = ["give_new_secret", "forget_previous_secret"]

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: Any, change: bool) -> None:  # noqa: ANN401
        """A new one, and one that is switched on again, hears what comes from now on."""
        if not change:
            obj.secret = new_secret()
            self._show(request, obj)
        if not change or (obj.is_active and "is_active" in form.changed_data):
            obj.since = clock.now()
        obj.refused_since = obj.rests_until = None  # it may lead to another system now
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Give a new secret; the old one also signs for now"), permissions=["change"])
    def give_new_secret(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """Both sign until the old one is forgotten, so that the receiver can change over in peace."""
        for endpoint in queryset:
            endpoint.previous_secret, endpoint.secret = endpoint.secret, new_secret()
            endpoint.save(update_fields=["previous_secret", "secret"])
            self._show(request, endpoint)

    @admin.action(description=_("Forget the previous secret"), permissions=["change"])
    def forget_previous_secret(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        """From now on only the newest secret signs."""
        queryset.update(previous_secret="")

    def _show(self, request: HttpRequest, endpoint: WebhookEndpoint) -> None:
        words = translate("The secret of %(name)s, shown only now: %(secret)s")
        self.message_user(request, words % {"name": endpoint.name, "secret": endpoint.secret}, messages.WARNING)
