"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path

from apps.field.views import home, issue, report, same

app_name = "field"

urlpatterns: list[URLPattern | URLResolver] = [
    path("m/", home.home, name="home"),
    path("m/manifest.json", home.manifest, name="manifest"),
    path("m/locate", report.locate_me, name="locate"),
    path("m/issue/<str:number>/", issue.issue, name="issue"),
    path("m/report", report.report, name="report"),
    path("m/report/where/<slug:key>/", report.where, name="where"),
    path("m/report/same/<slug:key>/", same.same, name="same"),
    path("m/supported/", same.supported_by_me, name="supported"),
    path("m/report/photo/<slug:key>/<int:photo_id>/", report.draft_picture, name="draft_photo"),
    path("m/report/done/<str:number>/", report.done, name="done"),
]
