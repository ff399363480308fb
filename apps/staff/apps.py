"""Registers the room with Django, and what it knows of a cell that is to be closed."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StaffConfig(AppConfig):
    name = "apps.staff"
    label = "staff"
    verbose_name = _("People and posts")

    def ready(self) -> None:
        """Say what keeps a cell from closing. Only now can the tables be imported."""
        from apps.grids.ties import register  # noqa: PLC0415
        from apps.staff.ties import posts_of  # noqa: PLC0415

        register(posts_of)
