"""Why a cell cannot be closed yet: posts and departments there."""

from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.grids.models import Grid
from apps.staff.models import Department, Post

NAMED: Final = 3


def posts_of(cell: Grid, now: datetime) -> str:
    """Posts that have not ended, those to come too, and departments that belong to the cell."""
    lasting = Q(valid__upper_inf=True) | Q(valid__endswith__gt=timezone.localdate(now))
    posts = Post.objects.filter(lasting, grid=cell).select_related("user").order_by("id")
    departments = Department.objects.filter(grid=cell).count()
    told = []
    if count := posts.count():
        people = ", ".join([str(post.user) for post in posts[:NAMED]] + ["…"] * (count > NAMED))
        told.append(
            _(
                "Posts there that have not ended: %(count)d (%(people)s); "
                "give these people posts in the cell that goes on, then end the old ones."
            )
            % {"count": count, "people": people}
        )
    if departments:
        told.append(
            _("Departments that belong to it: %(count)d; let them belong to another cell first.")
            % {"count": departments}
        )
    return " ".join(told)
