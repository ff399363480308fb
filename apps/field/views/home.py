"""The phone's first page, and what puts it on a home screen."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import gettext as translate
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from apps.common import clock
from apps.field.selectors.home import home_of
from apps.staff.access import scope_of_request
from apps.staff.models import User


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """`/m/`: who and where, the big button, what waits, what became of one's reports."""
    assert isinstance(request.user, User)
    now = clock.now()
    page = home_of(request.user, scope_of_request(request), now)
    return render(request, "field/home.html", {"page": page, "now": now})


@require_safe
@cache_control(max_age=3600, private=True)
@vary_on_headers("Accept-Language", "Cookie")
def manifest(request: HttpRequest) -> JsonResponse:
    """What a phone needs to put the platform on its home screen."""
    icon = {"src": static("app/icon.svg"), "type": "image/svg+xml", "sizes": "any", "purpose": "any"}
    return JsonResponse(
        {
            "name": translate("Grid management"),
            "short_name": translate("Grid"),
            "start_url": "/m/",
            "scope": "/",
            "display": "standalone",
            "background_color": "#f6f4ef",
            "theme_color": "#14293d",
            "icons": [icon],
        },
        content_type="application/manifest+json",
    )
