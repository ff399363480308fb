"""Every address of the platform."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.common.urls")),
    path("", include("apps.grids.urls")),
    path("", include("apps.staff.urls")),
    path("", include("apps.notices.urls")),
    path("", include("apps.issues.urls")),
    path("", include("apps.field.urls")),
    path("", include("apps.dispatch.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "apps.common.errors.bad_request"
handler403 = "apps.common.errors.forbidden"
handler404 = "apps.common.errors.not_found"
handler500 = "apps.common.errors.broken"
