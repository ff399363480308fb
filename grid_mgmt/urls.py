"""Every address of the platform."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from apps.issues.api.views import NowhereDoor

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.issues.urls")),  # first: nothing is called more often than its API
    path("", include("apps.common.urls")),
    path("", include("apps.grids.urls")),
    path("", include("apps.staff.urls")),
    path("", include("apps.notices.urls")),
    path("", include("apps.field.urls")),
    path("", include("apps.dispatch.urls")),
    path("admin/", admin.site.urls),
    re_path(r"^api/", NowhereDoor.as_view()),
]

handler400 = "apps.common.errors.bad_request"
handler403 = "apps.common.errors.forbidden"
handler404 = "apps.common.errors.not_found"
handler500 = "apps.common.errors.broken"
