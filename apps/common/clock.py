"""The only place that reads the wall clock. Doors call now(); services and rules take it as an argument."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """Return the present moment, aware, UTC."""
    return timezone.now()
