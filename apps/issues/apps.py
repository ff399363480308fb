"""Registers the room with Django, and what it tells people with the notices."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IssuesConfig(AppConfig):
    name = "apps.issues"
    label = "issues"
    verbose_name = _("Issues")

    def ready(self) -> None:
        """Name the kinds of notices, and what keeps a cell from closing. Only now can these modules be imported."""
        from apps.grids.ties import register  # noqa: PLC0415
        from apps.issues.selectors.ties import open_issues_of  # noqa: PLC0415
        from apps.issues.services.notice_kinds import register_kinds  # noqa: PLC0415

        register_kinds()
        register(open_issues_of)
