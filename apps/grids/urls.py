"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path

from apps.grids import views

app_name = "grids"

urlpatterns: list[URLPattern | URLResolver] = [
    path("map/cells/<str:code>/children.geojson", views.children, name="children"),
]
