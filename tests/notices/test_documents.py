"""What docs/notices.md tells other people's programmers is true, and so is what the settings say of empty values."""

import json
import os
import re
import subprocess
import sys

from apps.common.clock import now
from apps.common.embedded.paths import project_dir
from apps.notices import kinds
from apps.notices.channels.signatures import headers_for, new_secret

PAGE = (project_dir() / "docs" / "notices.md").read_text()
SHOWN = "EMAIL_BACKEND", "EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_HOST_PASSWORD", "SMS_GATEWAY"


def test_the_receivers_example_believes_what_we_sign() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    room: dict[str, object] = {}
    exec(example, room)
    secret, body = new_secret(), '{"a": "园田"}'.encode()
    headers = headers_for(key="k", body=body, keys=[new_secret(), secret], now=now())
    is_genuine = room["is_genuine"]
    assert callable(is_genuine)
    assert is_genuine(headers, body, secret)
    assert not is_genuine(headers, body + b" ", secret)
    assert not is_genuine(headers | {"webhook-timestamp": "1"}, body, secret)


def test_every_kind_is_listed() -> None:
    listed = set(re.findall(r"`(issue\.\w+|other)`", PAGE))
    assert listed == {name for name in kinds.names() if not name.startswith("test.")}


ASK = f"""
import json
from grid_mgmt import settings
print(json.dumps({{name: getattr(settings, name) for name in {SHOWN}}}))
"""


def settings_with(**environment: str) -> dict[str, object]:
    command = [sys.executable, "-c", ASK]
    run = subprocess.run(command, cwd=project_dir(), env=os.environ | environment, capture_output=True, check=True)
    found: dict[str, object] = json.loads(run.stdout)
    return found


def test_a_mail_server_is_named_by_one_address() -> None:
    found = settings_with(EMAIL_URL="smtp+tls://grid:a%40b@mail.example.cn:587")
    assert found == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example.cn",
        "EMAIL_PORT": 587,
        "EMAIL_USE_TLS": True,
        "EMAIL_HOST_PASSWORD": "a@b",
        "SMS_GATEWAY": "apps.notices.channels.sms.FileGateway",
    }


def test_empty_values_of_a_container_mean_the_defaults() -> None:
    empty = dict.fromkeys(["EMAIL_URL", "EMAIL_FROM", "SMS_GATEWAY", "WEBHOOK_ALLOWED_NETWORKS", "QUIET_HOURS"], "")
    found = settings_with(**empty)
    assert found["EMAIL_BACKEND"] == "django.core.mail.backends.filebased.EmailBackend"
    assert found["SMS_GATEWAY"] == "apps.notices.channels.sms.FileGateway"
