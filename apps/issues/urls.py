"""Addresses of this room."""

from django.urls import URLPattern, URLResolver

app_name = "issues"

urlpatterns: list[URLPattern | URLResolver] = []
