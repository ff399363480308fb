"""Addresses of this room."""

from django.urls import path

from apps.notices import views

app_name = "notices"

urlpatterns = [
    path("notices/", views.notices, name="list"),
    path("settings/notices/", views.channels, name="channels"),
    path("notices/read/", views.read_all, name="read_all"),
    path("notices/<int:notice_id>/open/", views.open_notice, name="open"),
]
