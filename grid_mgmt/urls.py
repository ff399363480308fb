"""Every address of the platform."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("apps.common.urls")),
    path("", include("apps.staff.urls")),
    path("", include("apps.issues.urls")),
    path("", include("apps.field.urls")),
    path("", include("apps.dispatch.urls")),
    path("admin/", admin.site.urls),
]
