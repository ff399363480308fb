"""Addresses of this room."""

from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from apps.staff import views
from apps.staff.api import TokenDoor

app_name = "staff"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home, name="home"),
    path("login/", views.SignInView.as_view(), name="login"),
    path("logout/", views.sign_out, name="logout"),
    path("settings/", views.own_settings, name="settings"),
    path("settings/password/", views.ChangePasswordView.as_view(), name="password"),
    path("look/", views.choose_look, name="look"),
    path("api/v1/token/", TokenDoor.as_view(), name="token"),
    # the admin has no door of its own: it would not count wrong tries
    path("admin/login/", RedirectView.as_view(pattern_name="staff:login", query_string=True)),
]
