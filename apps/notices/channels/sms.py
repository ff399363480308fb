"""SMS. Every city has its own provider, so the platform brings an interface and a gateway that writes to a file.

A provider's gateway is a class of a few lines on the Python path; SMS_GATEWAY names it, "package.module.Class".
"""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from apps.common import clock
from apps.notices.channels.parcels import DeliveryFailed, Outcome, Parcel, send_in_turn
from apps.notices.channels.texts import written


class SmsGateway(Protocol):
    """Hands a text to a provider. Made once a turn, without arguments."""

    def send(self, phone: str, text: str) -> None:
        """Send it, within a few seconds. Raise DeliveryFailed, saying whether another try can heal it."""


class FileGateway:
    """Appends one JSON object a line to the file SMS_FILE: for trying out, and for a gateway that reads files."""

    def send(self, phone: str, text: str) -> None:
        """One write to a file opened for appending: lines of two processes never mix."""
        line = json.dumps({"at": clock.now().isoformat(), "phone": phone, "text": text}, ensure_ascii=False) + "\n"
        file = Path(settings.SMS_FILE)
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def send(parcels: Sequence[Parcel]) -> Iterator[list[Outcome]]:
    """Send each by the gateway of the settings."""
    gateway: SmsGateway = import_string(settings.SMS_GATEWAY)()

    def send_one(parcel: Parcel) -> None:
        if not parcel.address:
            raise DeliveryFailed("no phone number", can_heal=False)
        gateway.send(parcel.address, " ".join(written(parcel, "sms/text.txt").split()))

    yield from send_in_turn(parcels, send_one)
