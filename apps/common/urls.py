"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path

from apps.common import health

app_name = "common"

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
]
