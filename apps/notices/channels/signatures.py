"""Signing what leaves by webhook, as Standard Webhooks says (standardwebhooks.com): receivers find libraries for it.

Three headers: webhook-id (the delivery's id, the same at every try), webhook-timestamp (Unix seconds of this try) and
webhook-signature ("v1," and base64 of HMAC-SHA256 over "id.timestamp.body"; one per secret, a space between).
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
REPLAY_WINDOW: Final = timedelta(minutes=5)  # receivers refuse what is older or newer


def new_secret() -> str:
    """A secret to give to the receiver."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers_for(*, key: str, body: bytes, keys: Iterable[str], now: datetime) -> dict[str, str]:
    """The three headers of one try; `keys` are the secrets."""
    timestamp = str(int(now.timestamp()))
    signatures = " ".join(_sign(secret, key, timestamp, body) for secret in keys)
    return {"webhook-id": key, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def is_genuine(*, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> bool:
    """What a receiver checks: signed with the secret, and within five minutes of `now`."""
    key, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 15):
        return False
    if abs(now.timestamp() - int(timestamp)) > REPLAY_WINDOW.total_seconds():
        return False
    expected = _sign(secret, key, timestamp, body).encode()
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected, one.encode()) for one in given)


def is_secret(text: str) -> bool:
    """Whether it is a secret of at least 24 bytes, as the standard wants."""
    try:
        return text.startswith(PREFIX) and len(base64.b64decode(text.removeprefix(PREFIX), validate=True)) >= 24
    except binascii.Error:
        return False


def _sign(secret: str, key: str, timestamp: str, body: bytes) -> str:
    seed = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(seed, f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
