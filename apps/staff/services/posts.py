"""Giving posts and ending them. A past post stays: who was responsible then has one answer for ever."""

from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from psycopg2.extras import DateRange

from apps.common.refusals import Refused
from apps.grids.models import Grid
from apps.staff.models import Department, Post, Role, User
from apps.staff.selectors import SINGLE_ROLES, other_holder


class PostTaken(Refused):
    """A cell has one leader and one first-responsible person at a time."""

    sentence = _("%(person)s holds this post in %(cell)s at that time: end that post first, or mark a stand-in.")
    field = "valid"


class CellClosed(Refused):
    """Nobody is responsible for ground that another cell has."""

    sentence = _("%(cell)s is closed from %(day)s on: no post there can last longer.")
    field = "grid"


class EndsBeforeItBegins(Refused):
    """The last day must come after the first."""

    sentence = _("A post must end after it begins.")
    field = "valid"


class DepartmentMissing(Refused):
    """A handler is somebody's handler."""

    sentence = _("A handler needs a department.")
    field = "department"


@dataclass(frozen=True, slots=True)
class Appointment:
    """`user` holds `role` in `grid` from `since`, up to but not on `until` (None: open)."""

    user: User
    grid: Grid
    role: Role
    since: date
    until: date | None = None
    department: Department | None = None
    is_stand_in: bool = False


def appoint(*, appointment: Appointment) -> Post:
    """Give a post. Raises PostTaken, CellClosed, EndsBeforeItBegins or DepartmentMissing."""
    made = appointment
    if made.until is not None and made.until <= made.since:
        raise EndsBeforeItBegins
    if made.role == Role.HANDLER and made.department is None:
        raise DepartmentMissing
    post = Post(
        user=made.user,
        grid=made.grid,
        role=made.role,
        department=made.department,
        valid=DateRange(made.since, made.until),
        is_stand_in=made.is_stand_in,
    )
    check_free(post=post)
    try:
        with transaction.atomic():
            post.save()
    except IntegrityError as error:  # somebody was faster; the database knows best
        raise PostTaken(person=_("Somebody else"), cell=made.grid) from error
    return post


def check_free(*, post: Post) -> None:
    """Raise CellClosed, or PostTaken if somebody else holds a single post of the cell at the same time."""
    closed_on, until = post.grid.valid_to, post.valid.upper
    if closed_on is not None and (until is None or until > closed_on):
        raise CellClosed(cell=post.grid, day=closed_on)
    if post.role not in SINGLE_ROLES or post.is_stand_in:
        return
    other = other_holder(post)
    if other is not None:
        raise PostTaken(person=other.user, cell=post.grid)


def end_post(*, post: Post, on: date) -> Post:
    """The post is no longer held from the day `on`. Raises EndsBeforeItBegins."""
    if post.valid.lower is not None and on <= post.valid.lower:
        raise EndsBeforeItBegins
    post.valid = DateRange(post.valid.lower, on)
    post.save(update_fields=["valid"])
    return post
