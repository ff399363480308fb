"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path

from apps.field import views

app_name = "field"

urlpatterns: list[URLPattern | URLResolver] = [
    path("m/manifest.json", views.manifest, name="manifest"),
]
