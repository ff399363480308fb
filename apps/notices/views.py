"""The page of a person's notices, and the page on which they choose how to be told."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as translate
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.common import clock
from apps.notices.forms import ChannelsForm
from apps.notices.models import Notice
from apps.notices.selectors import newest, wishes_of
from apps.notices.services import mark_read
from apps.notices.services.wishes import choose_channels
from apps.staff.models import User

LARGEST_ID = 2**63 - 1
UNPROCESSABLE = 422


@login_required
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """Newest first; `?before=` leads to older ones."""
    before = request.GET.get("before", "")
    page = newest(reader(request), int(before) if is_id(before) else None)
    return render(request, "notices/list.html", {"page": page, "newest": next(iter(page.notices), None)})


@login_required
@require_POST
def open_notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Mark one as read and go to what it speaks of."""
    notice = get_object_or_404(Notice, id=min(notice_id, LARGEST_ID), recipient=reader(request))
    mark_read(recipient_id=notice.recipient_id, notice_id=notice.id, now=clock.now())
    is_own_page = notice.link.startswith("/") and not notice.link.startswith("//")
    return HttpResponseRedirect(notice.link) if is_own_page else redirect("notices:list")


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Mark as read what was on the page: nothing that came meanwhile."""
    up_to = request.POST.get("up_to", "")
    if is_id(up_to):
        mark_read(recipient_id=reader(request).id, up_to=int(up_to), now=clock.now())
    return redirect("notices:list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def channels(request: HttpRequest) -> HttpResponse:
    """`/settings/notices/`: by which channels, in which language, and when not."""
    user = reader(request)
    form = ChannelsForm(request.POST if request.method == "POST" else None, user=user, wishes=wishes_of(user))
    if form.is_valid():
        choose_channels(user=user, choice=form.choice(), now=clock.now())
        messages.success(request, translate("Your choice is kept."))
        return redirect("staff:settings")
    return render(request, "notices/channels.html", {"form": form}, status=UNPROCESSABLE if form.errors else 200)


def reader(request: HttpRequest) -> User:
    """The signed-in person; the decorator above lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def is_id(text: str) -> bool:
    """Whether the text is a number that a row could have."""
    return text.isascii() and text.isdecimal() and len(text) < 19
