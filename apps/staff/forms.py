"""Signing in and choosing one's look."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common import clock
from apps.staff.devices import people_known_to
from apps.staff.models import TextSize
from apps.staff.services.sign_in import PAUSE, TooManyTries, begin_try, forget_failures, tries_left

ACCOUNT_LENGTH = 150
PASSWORD_LENGTH = 128


class SignInForm(AuthenticationForm):
    """Staff number or phone, and password; counts the failures. `paused_until` is set while the account is paused."""

    username = forms.CharField(
        label=_("Staff number or phone"),
        max_length=ACCOUNT_LENGTH,
        error_messages={"required": _("Enter your staff number or phone.")},
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=PASSWORD_LENGTH,
        strip=False,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    paused_until: datetime | None = None

    def clean(self) -> dict[str, Any]:
        """Check the password, unless the account is paused for this address."""
        if "username" not in self.cleaned_data or "password" not in self.cleaned_data:
            return self.cleaned_data
        now = clock.now()
        try:
            attempt = begin_try(
                account=self.cleaned_data["username"],
                address=_address(self.request),
                known_people=people_known_to(self.request) if self.request else (),
                now=now,
            )
        except TooManyTries as pause:
            self.paused_until = pause.until
            raise forms.ValidationError(
                _("Too many wrong tries. Wait until %(time)s, or ask your administrator for a new password."),
                code="paused",
                params={"time": f"{timezone.localtime(pause.until):%H:%M}"},
            ) from None
        try:
            super().clean()
        except forms.ValidationError:
            raise self._wrong(tries_left(attempt=attempt, now=now)) from None
        forget_failures(attempt=attempt)
        return self.cleaned_data

    def _wrong(self, left: int) -> forms.ValidationError:
        if left == 0:
            minutes = int(PAUSE.total_seconds() // 60)
            text = _("Number or password is wrong. No try is left: wait %(minutes)s minutes.")
            return forms.ValidationError(text, code="wrong", params={"minutes": minutes})
        text = _("Number or password is wrong. Tries left: %(left)s.")
        return forms.ValidationError(text, code="wrong", params={"left": left})


class NewPasswordForm(PasswordChangeForm):
    """Django's form; the rules for a password as one sentence, where Django has a list."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = " ".join(password_validators_help_texts())


class LookForm(forms.Form):
    """Language and letter size, each optional: one button sends one of them."""

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES, required=False)
    text_size = forms.ChoiceField(label=_("Text size"), choices=TextSize.choices, required=False)


def _address(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request else ""
