"""Receivers for the tests of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.notices.receivers import Listener, MailBox, listening, mailbox
from tests.notices.wishes import LOOPBACK


@pytest.fixture
def listener(settings: Settings) -> Iterator[Listener]:
    settings.WEBHOOK_ALLOWED_NETWORKS = LOOPBACK
    settings.SITE_URL = "https://grid.example.cn"
    with listening() as server:
        yield server


@pytest.fixture
def mails(settings: Settings) -> Iterator[MailBox]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.SITE_URL = "https://grid.example.cn"
    with mailbox() as box:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


@pytest.fixture
def texts(settings: Settings, tmp_path: Path) -> Path:
    settings.SMS_FILE = tmp_path / "deep" / "sms.jsonl"
    return tmp_path / "deep" / "sms.jsonl"
