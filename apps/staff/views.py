"""Doors of this room: signing in and out, one's own settings, and the way to one's first page."""

from datetime import date

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as translate
from django.views.decorators.http import require_GET, require_POST

from apps.common import clock
from apps.staff import devices, look
from apps.staff.access import roles_of
from apps.staff.forms import LookForm, NewPasswordForm, SignInForm
from apps.staff.models import Post, User
from apps.staff.rooms import landing_path

TOO_MANY_REQUESTS = 429
UNPROCESSABLE = 422


class SignInView(LoginView):
    """`/login/`: returns to `next` if that is a page of ours, otherwise leads to the role's first page."""

    authentication_form = SignInForm
    template_name = "registration/login.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """The role's first page."""
        is_staff = isinstance(self.request.user, User) and self.request.user.is_staff
        return landing_path(roles_of(self.request), is_staff=is_staff)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, settle whose language and letter size count, and know the device from now on."""
        response = super().form_valid(form)
        user = form.get_user()
        assert isinstance(user, User)
        look.settle_after_sign_in(self.request, response, user)
        devices.remember(self.request, response, user)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Say what is wrong; 429 while the account is paused."""
        assert isinstance(form, SignInForm)
        status = TOO_MANY_REQUESTS if form.paused_until else UNPROCESSABLE
        response = self.render_to_response(self.get_context_data(form=form))
        response.status_code = status
        return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("staff:login")


@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    """`/`: the role's first page, or the sign-in page."""
    if not isinstance(request.user, User):
        return redirect("staff:login")
    return redirect(landing_path(roles_of(request), is_staff=request.user.is_staff))


@login_required
@require_GET
def own_settings(request: HttpRequest) -> HttpResponse:
    """`/settings/`: who I am, what I hold, and how the pages look to me."""
    assert isinstance(request.user, User)
    posts = _posts_on(request.user, timezone.localdate(clock.now()))
    return render(request, "staff/settings.html", {"posts": posts})


class ChangePasswordView(PasswordChangeView):
    """`/settings/password/`: a new password; the session here stays, every other one and the token end."""

    form_class = NewPasswordForm
    template_name = "staff/password.html"
    success_url = reverse_lazy("staff:settings")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Set it, and say so on the settings page."""
        messages.success(self.request, translate("Your password is changed."))
        return super().form_valid(form)

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say what is wrong beside the field."""
        response = self.render_to_response(self.get_context_data(form=form))
        response.status_code = UNPROCESSABLE
        return response


@require_POST
def choose_look(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language or letter size and go back to where the reader was; before signing in, too."""
    form = LookForm(request.POST)
    if not form.is_valid():
        return render(request, "staff/settings_refused.html", status=400)
    language, text_size = form.cleaned_data["language"], form.cleaned_data["text_size"]
    user = request.user
    response = redirect(_way_back(request))
    if isinstance(user, User):
        look.remember_for_person(user, language=language, text_size=text_size)
    look.remember_in_browser(response, language=language, text_size=text_size, is_signed_in=isinstance(user, User))
    return response


def _way_back(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_ours and target.startswith("/") else "/"


def _posts_on(user: User, day: date) -> list[Post]:
    held = Post.objects.filter(user=user, valid__contains=day)
    return list(held.select_related("grid", "department").order_by("grid__tier", "id"))
