"""E-mail by Django's mail framework; EMAIL_URL says by which server. One connection for a whole turn."""

import logging
import smtplib
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from apps.notices.channels.parcels import DeliveryFailed, Outcome, Parcel, send_in_turn
from apps.notices.channels.texts import written

logger = logging.getLogger(__name__)

TEMPORARY: Final = range(400, 500)  # SMTP: "try again later"
SERVICE_CLOSING: Final = 421


def send(parcels: Sequence[Parcel]) -> Iterator[list[Outcome]]:
    """Send each; outcomes come one by one, so that a crash repeats at most one message."""
    connection: Any = get_connection()

    def send_one(parcel: Parcel) -> None:
        message = message_for(parcel, connection)
        _open(connection)
        try:
            message.send()
        except smtplib.SMTPServerDisconnected as error:
            _close(connection)
            raise _failed(error, can_heal=True, is_closed=True) from error
        except smtplib.SMTPException as error:
            if is_closing := SERVICE_CLOSING in _codes(error):
                _close(connection)
            raise _failed(error, can_heal=_can_heal(error), is_closed=is_closing) from error
        except OSError as error:
            _close(connection)
            raise _failed(error, can_heal=True, is_closed=True) from error
        except ValueError as error:  # an address or a header that no server would take
            raise _failed(error, can_heal=False) from error

    try:
        yield from send_in_turn(parcels, send_one)
    finally:
        _close(connection)


def message_for(parcel: Parcel, connection: Any = None) -> EmailMessage:  # noqa: ANN401 - Django names no class for it
    """The message. Its Message-ID is the same at every try, so that mailboxes can drop a second copy."""
    try:
        validate_email(parcel.address)
    except ValidationError as error:
        raise DeliveryFailed("no e-mail address", can_heal=False) from error
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]  # not this machine's: another may try next
    return EmailMessage(
        subject=" ".join(written(parcel, "email/subject.txt").split()),
        body=written(parcel, "email/body.txt") + "\n",
        to=[parcel.address],
        headers={"Message-ID": f"<{parcel.key}@{domain}>", "Auto-Submitted": "auto-generated"},
        connection=connection,
    )


def _open(connection: Any) -> None:  # noqa: ANN401
    """A server that does not let us in is closed to all: that is mended there, never by giving up a message."""
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        _close(connection)
        raise _failed(error, can_heal=True, is_closed=True) from error


def _close(connection: Any) -> None:  # noqa: ANN401
    try:
        connection.close()
    except (smtplib.SMTPException, OSError):
        logger.warning("mail connection not closed in peace", exc_info=True)


def _failed(error: Exception, *, can_heal: bool, is_closed: bool = False) -> DeliveryFailed:
    return DeliveryFailed(f"{type(error).__name__}: {error}", can_heal=can_heal, is_closed=is_closed)


def _codes(error: smtplib.SMTPException) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _can_heal(error: smtplib.SMTPException) -> bool:
    codes = _codes(error)
    return all(code in TEMPORARY for code in codes) and not isinstance(error, smtplib.SMTPNotSupportedError)
