"""The Celery application: tasks are doorbells, found in each app's tasks module."""

import os

from celery import Celery
from celery.signals import beat_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grid_mgmt.settings")

app = Celery("grid_mgmt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@beat_init.connect
def sweep_at_once(**_sender: object) -> None:
    """Sweep when beat comes up, not only half a minute later: what waited meanwhile need not wait longer."""
    app.signature("issues.sweep").delay()
