"""Doors of this room: the phone."""

from django.http import HttpRequest, JsonResponse
from django.templatetags.static import static
from django.utils.translation import gettext as translate
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET


@require_GET
@cache_control(max_age=3600)
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
