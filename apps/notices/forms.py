"""How a person chooses to be told."""

import re
from datetime import time
from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.notices.models import PERSONAL_WAYS, Way
from apps.notices.quiet import Quiet
from apps.notices.selectors import Wishes
from apps.notices.services.wishes import Choice
from apps.staff.models import User

PHONE: Final = re.compile(r"\+?[0-9][0-9 -]{4,18}")
CITY, OWN, NONE = "city", "own", "none"


class ChannelsForm(forms.Form):
    """Channels, addresses, language and quiet hours. An empty address is the one kept with the person."""

    email = forms.BooleanField(label=_("Tell me by e-mail"), required=False)
    email_address = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    sms = forms.BooleanField(label=_("Tell me by SMS"), required=False)
    sms_address = forms.CharField(
        label=_("Phone number"), max_length=20, required=False, widget=forms.TextInput(attrs={"autocomplete": "tel"})
    )
    language = forms.ChoiceField(label=_("Language of messages"), required=False)
    quiet = forms.ChoiceField(label=_("Quiet hours"), widget=forms.RadioSelect)
    quiet_from = forms.TimeField(
        label=pgettext_lazy("hours", "From"), required=False, widget=forms.TimeInput(format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label=pgettext_lazy("hours", "Until"), required=False, widget=forms.TimeInput(format="%H:%M")
    )

    def __init__(self, data: Any = None, *, user: User, wishes: Wishes) -> None:  # noqa: ANN401 - as Django has it
        super().__init__(data, initial=_initial(wishes))
        self.user = user
        self.fields["language"].choices = [("", _("As the pages")), *settings.LANGUAGES]  # type: ignore[attr-defined]
        city = settings.QUIET_HOURS
        by_city = _("The city's (%(hours)s)") % {"hours": city} if city else _("The city's (none)")
        choices = [(CITY, by_city), (OWN, _("My own")), (NONE, pgettext_lazy("hours", "None"))]
        self.fields["quiet"].choices = choices  # type: ignore[attr-defined]
        self.fields["email_address"].widget.attrs["placeholder"] = user.email
        self.fields["sms_address"].widget.attrs["placeholder"] = user.phone
        for name in ("quiet_from", "quiet_until"):
            self.fields[name].widget.input_type = "time"

    def clean(self) -> dict[str, Any]:
        """A channel needs an address, own hours need both ends."""
        given = self.cleaned_data
        self._check_address(Way.EMAIL, self.user.email, _("Say to which address."))
        self._check_address(Way.SMS, self.user.phone, _("Say to which number."))
        if given.get("quiet") == OWN and not self.errors.keys() & {"quiet_from", "quiet_until"}:
            for name in ("quiet_from", "quiet_until"):
                if given.get(name) is None:
                    self.add_error(name, _("Say a time."))
        return given

    def choice(self) -> Choice:
        """What was chosen, of a valid form."""
        given = self.cleaned_data
        ways = [way for way in PERSONAL_WAYS if given[way.value]]
        addresses = {way: given[f"{way.value}_address"] for way in PERSONAL_WAYS}
        quiet = {
            CITY: None,
            OWN: Quiet(given["quiet_from"] or time(), given["quiet_until"] or time()),
            NONE: Quiet(time(), time()),
        }[given["quiet"]]
        return Choice(ways, addresses, given["language"], quiet)

    def _check_address(self, way: Way, kept: str, missing: Any) -> None:  # noqa: ANN401 - a lazy text
        name = f"{way.value}_address"
        address = self.cleaned_data.get(name, "")
        if address and not _is_address(way, address):
            self.add_error(name, _("This is no address for messages."))
        elif self.cleaned_data.get(way.value) and not (address or kept):
            self.add_error(name, missing)


def _is_address(way: Way, text: str) -> bool:
    if way == Way.SMS:
        return PHONE.fullmatch(text) is not None
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _initial(wishes: Wishes) -> dict[str, Any]:
    values: dict[str, Any] = {"quiet": CITY}
    for way in PERSONAL_WAYS:
        setting = wishes.channels.get(way)
        if setting is not None:
            values |= {way.value: setting.is_active, f"{way.value}_address": setting.address}
            values["language"] = setting.language
    if (quiet := wishes.quiet) is not None:
        is_none = quiet.starts == quiet.ends
        values["quiet"] = NONE if is_none else OWN
        if not is_none:
            values |= {"quiet_from": quiet.starts, "quiet_until": quiet.ends}
    return values
