"""Who can sign in to a demo city, and as what. These accounts exist only where `build_city` made them.

One password for all, known to everybody: so `build_city` refuses a database of one's own unless GRID_DEMO says that
it is a demonstration (settings.DEMO_ALLOWED).
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.demo.people import Roster
from apps.demo.plan import CityPlan

DEMO_PASSWORD = "grid-2013-demo"  # noqa: S105 - printed on purpose: a demonstration is no secret


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """A demo sign-in: the person who holds `role` in the cell at the end of `place`, in a department where named."""

    username: str
    title: Promise
    role: str
    place: tuple[str, ...]
    department_kind: str = ""
    is_superuser: bool = False


_STREET = ("金水区", "花园路街道")
_COMMUNITY = (*_STREET, "园田社区")
_CELL = (*_COMMUNITY, "园田社区第九网格")
DEMO_ACCOUNTS = (
    DemoAccount("dispatcher", _("Dispatcher of Jinshui district"), "dispatcher", _STREET[:1]),
    DemoAccount("leader", _("Grid leader of Yuantian community, cell 9"), "leader", _CELL),
    DemoAccount("handler", _("Handler of Jinshui urban management"), "handler", _STREET[:1], "chengguan"),
    DemoAccount("admin", _("Administrator"), "system_admin", (), is_superuser=True),
    DemoAccount("member", _("Grid member of Yuantian community, cell 9"), "member", _CELL),
    DemoAccount("community", _("Grid leader of Yuantian community"), "leader", _COMMUNITY),
    DemoAccount("street", _("Grid leader of Huayuanlu street"), "leader", _STREET),
    DemoAccount("chief", _("Duty chief of Jinshui district"), "duty_chief", _STREET[:1]),
    DemoAccount("city", _("Dispatcher of the city"), "dispatcher", ()),
    DemoAccount("viewer", _("Viewer of Jinshui district"), "viewer", _STREET[:1]),
    DemoAccount("inspector", _("Inspector of the city"), "inspector", ()),
)


def find_place(plan: CityPlan, place: tuple[str, ...]) -> int:
    """The cell with that path of names below the city; the city itself for an empty path."""
    return plan.find(place[-1], place[-2] if len(place) > 1 else "") if place else 0


def claim_accounts(plan: CityPlan, roster: Roster) -> list[int]:
    """Give the demo accounts' user names to the people who hold those posts; return the people, in order."""
    holders = []
    for account in DEMO_ACCOUNTS:
        cell = find_place(plan, account.place)
        department = roster.department(account.department_kind, cell) if account.department_kind else -1
        person = roster.holder(account.role, cell, department)
        roster.people[person].username = account.username
        holders.append(person)
    return holders
