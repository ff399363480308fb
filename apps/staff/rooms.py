"""Which rooms of the platform a person uses, by role: where signing in leads, and what the rail shows."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from apps.staff.models import Role


@dataclass(frozen=True)
class Room:
    """One entry of the navigation. `path` is where it starts; pages below it belong to it."""

    path: str
    label: Promise
    icon: str
    roles: frozenset[str]
    is_for_admins: bool = False


BOARD = Room(
    "/board/",
    pgettext_lazy("navigation", "Board"),
    "siren",
    frozenset({Role.DISPATCHER, Role.CLERK, Role.DUTY_CHIEF, Role.INSPECTOR, Role.VIEWER}),
)
TASKS = Room(
    "/t/",
    pgettext_lazy("navigation", "Tasks"),
    "list-checks",
    frozenset({Role.HANDLER, Role.LEADER, Role.FIRST, Role.MEMBER}),
)
PHONE = Room(
    "/m/",
    pgettext_lazy("navigation", "Report"),
    "camera",
    frozenset({Role.LEADER, Role.MEMBER, Role.FIRST}),
)
ACCOUNTABILITY = Room(
    "/accountability/",
    pgettext_lazy("navigation", "Late"),
    "clock-alert",
    frozenset(
        {
            *(Role.DISPATCHER, Role.CLERK, Role.DUTY_CHIEF, Role.INSPECTOR, Role.VIEWER, Role.FIRST, Role.LEADER),
            Role.HANDLER,
        }
    ),
)
HISTORY = Room(
    "/history/",
    pgettext_lazy("navigation", "History"),
    "scroll-text",
    frozenset({Role.AUDIT_ADMIN, Role.INSPECTOR}),
)
ADMIN = Room("/admin/", pgettext_lazy("navigation", "Administration"), "settings-2", frozenset(), is_for_admins=True)

RAIL = (BOARD, TASKS, PHONE, ACCOUNTABILITY, HISTORY, ADMIN)

# the first whose roles the person holds; an administrator without a post goes to the admin
LANDING = (
    (BOARD, BOARD.roles),
    (TASKS, frozenset({Role.HANDLER})),
    (PHONE, PHONE.roles),
    (HISTORY, frozenset({Role.AUDIT_ADMIN})),
)
NOWHERE = "/settings/"


def rooms_of(roles: Collection[str], *, is_staff: bool) -> list[Room]:
    """Return the rooms in the order of the rail."""
    return [room for room in RAIL if room.roles & set(roles) or (room.is_for_admins and is_staff)]


def landing_path(roles: Collection[str], *, is_staff: bool) -> str:
    """Return where signing in leads; somebody without any post sees their settings."""
    for room, landing_roles in LANDING:
        if landing_roles & set(roles):
            return room.path
    return ADMIN.path if is_staff else NOWHERE
