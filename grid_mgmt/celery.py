"""The Celery application: tasks are doorbells, found in each app's tasks module."""

import os

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grid_mgmt.settings")

app = Celery("grid_mgmt")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def sweep_at_once(**_sender: object) -> None:
    """Sweep when a worker comes up: what waited while nobody worked need not wait for the next beat."""
    app.signature("issues.sweep").delay()
