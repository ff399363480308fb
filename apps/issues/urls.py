"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path, register_converter
from drf_spectacular.views import SpectacularAPIView

from apps.common.converters import DateConverter
from apps.issues import views
from apps.issues.api import views as api

app_name = "issues"

register_converter(DateConverter, "date")

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/issues/", api.IssuesDoor.as_view(), name="api-issues"),
    path("api/v1/issues/similar/", api.SimilarDoor.as_view(), name="api-similar"),
    path("api/v1/issues/support/", api.SupportDoor.as_view(), name="api-support"),
    path("api/v1/issues/<str:number>/", api.IssueDoor.as_view(), name="api-issue"),
    path("api/v1/issues/<str:number>/moves/<str:move>/", api.MoveDoor.as_view(), name="api-move"),
    path("api/v1/issues/<str:number>/clock/", api.ClockDoor.as_view(), name="api-clock"),
    path("api/v1/issues/<str:number>/photos/", api.PhotosDoor.as_view(), name="api-photos"),
    path("api/v1/photos/<int:photo_id>/", api.PhotoDoor.as_view(), name="api-photo"),
    path("api/v1/categories/", api.CategoriesDoor.as_view(), name="api-categories"),
    path("photo/<int:photo_id>/", views.photo, name="photo"),
    path("accountability/", views.accountability, name="accountability"),
    path("accountability.csv", views.accountability_export, name="accountability-export"),
    path("history/", views.anchors, name="anchors"),
    path("history/<date:day>/", views.anchor, name="anchor"),
    path("issues.csv", views.export, name="export"),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
]
