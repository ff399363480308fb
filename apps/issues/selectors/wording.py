"""An issue in words: the caption of the board, and who somebody is."""

from django.utils.translation import gettext as translate
from django.utils.translation import ngettext

from apps.grids.models import Tier
from apps.grids.selectors import tree
from apps.issues.models import Issue
from apps.issues.workflow import Holder
from apps.staff.models import Department, Post, Role

LONGEST_CAPTION = 60
CELL_WORD = "网格"


def caption_text(issue: Issue) -> str:
    """The sentence of the red caption: 园田社区第九网格长发来信息,有建筑垃圾未清运.

    No query if the issue came from `selectors.queue` or `detail`.
    """
    what = " ".join(issue.text.split()) or issue.category.caption
    if len(what) > LONGEST_CAPTION:
        what = what[:LONGEST_CAPTION] + "…"
    return translate("%(who)s reports: %(what)s") % {"who": reporter_words(issue), "what": what}


def reporter_words(issue: Issue) -> str:
    """As what somebody reported: the leader of a cell, a member, or by name."""
    post = issue.reporter_post
    if post is None:
        return str(issue.reporter)
    return post_words(post, str(issue.reporter))


def post_words(post: Post, name: str) -> str:
    """A post as people say it. Leaders are their cell's voice; others are named."""
    index = tree()
    cell = index.cell(post.grid_id)
    # 园田社区第九网格 + 长, but 园田社区 + 网格长
    title = cell.name if cell.name.endswith(CELL_WORD) else cell.name + CELL_WORD
    values = {"cell": cell.name, "title": title, "name": name, "role": post.get_role_display()}
    if post.role == Role.LEADER and cell.tier >= Tier.LEVEL1:
        return translate("The leader of %(title)s") % values
    return translate("%(name)s (%(role)s, %(cell)s)") % values


def also_words(also: int) -> str:
    """How many people beside the reporter saw it."""
    return ngettext("%(also)d other person saw it too", "%(also)d others saw it too", also) % {"also": also}


def holder_words(holder: Holder, departments: dict[int, Department]) -> str:
    """The name of a cell or department. `departments` by id; an unknown one is shown by its number."""
    if holder.department_id is not None:
        return str(departments.get(holder.department_id, f"#{holder.department_id}"))
    index = tree()
    return index.cell(holder.grid_id).name if index.has(holder.grid_id) else f"#{holder.grid_id}"
