"""docs/flow.md out of the table of moves: `python -m tools.flow` writes it, a test says when it is stale."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.utils import translation

if TYPE_CHECKING:
    from apps.issues.workflow import Move, State

FLOW = Path(__file__).resolve().parent.parent / "docs" / "flow.md"

HEAD = """# The flow of an issue

Made by `python -m tools.flow` from `apps/issues/workflow/table.py`; do not edit. Pages, the API, the admin and the
tests read the same table.

The loop is 采集 → 上报 → 交办 → 办理 → 反馈 → 办结 → 评价. Filing collects; routing reports up level by level, or
assigns to the cell itself; from then on people move the issue, and the sweep moves what is late. Feedback walks the
chain of assigners backwards, link by link; only where nobody waits for a result can an issue be concluded. Departments
that handle it jointly 协办 have clocks of their own and never move it; only the main one does.

In the words of digital city management 数字城管 the same table reads: collected 受理, reported up 立案, assigned 派遣,
being handled 处置, fed back 核查, concluded 结案.
"""


def flow() -> str:
    """The whole document."""
    from apps.issues.workflow import MOVES, State  # noqa: PLC0415 - Django must be set up first

    header = "| | " + " | ".join(_label(state.label) for state in State) + " |"
    lines = [HEAD, *_diagram(), "## Moves and states", "", header, "| --- |" + " --- |" * len(State)]
    lines += [*map(_row, MOVES.values()), "", "## The moves", ""]
    for move in MOVES.values():
        lines += _details(move)
    return "\n".join(lines).rstrip() + "\n"


def _label(text: object) -> str:
    with translation.override("en"):
        english = str(text)
    with translation.override("zh-hans"):
        chinese = str(text)
    return f"{english} {chinese}" if chinese != english else english


def _diagram() -> list[str]:
    """Each pair of states once, with the moves between them."""
    from apps.issues.workflow import MOVES  # noqa: PLC0415

    edges: dict[tuple[str, str], list[str]] = {}
    for move in MOVES.values():
        for source, to in move.to.items():
            if source is not to:
                edges.setdefault((source.value, to.value), []).append(move.name)
    lines = ["## Diagram", "", "```mermaid", "stateDiagram-v2", "    [*] --> collected: filed"]
    lines += ["    collected --> escalated: routed", "    collected --> assigned: routed"]
    lines += [f"    {source} --> {to}: {', '.join(names)}" for (source, to), names in edges.items()]
    return [*lines, "```", ""]


def _row(move: "Move") -> str:
    from apps.issues.workflow import State  # noqa: PLC0415

    cells = [_goal(move, state) if state in move.to else "–" for state in State]
    return f"| **{_label(move.label)}** | " + " | ".join(cells) + " |"


def _goal(move: "Move", source: "State") -> str:
    down = f" ({_label(move.to_downward.label)} when it goes down)" if move.to_downward else ""
    return _label(move.to[source].label) + down


def _details(move: "Move") -> list[str]:
    from apps.issues.workflow import By, State  # noqa: PLC0415

    words = f"{_label(move.words)}: must be given" if move.needs_words else f"{_label(move.words)}: may be given"
    if move.needs_words and move.needs_words != move.sources:
        words += " when " + ", ".join(_label(state.label) for state in State if state in move.needs_words)
    gives = [f"- {_label(give.label)}: {'must' if must else 'may'} be given" for give, must in move.gives.items()]
    photos = ["- may carry photos"] if move.takes_photos else []
    with translation.override("en"):
        conditions = [f"- refused otherwise: {condition.sentence}" for condition in move.conditions]
        goes = f"- goes: {move.target.label}"
        clock = f"- the holder's clock: {move.clock.label}"
        who = "- may be made by: " + "; ".join(str(by.label) for by in By if by in move.by)
    title = f"### {_label(move.label)} (`{move.name}`)"
    return [title, "", who, goes, clock, f"- {words}", *gives, *photos, *conditions, ""]


def main() -> int:
    """Write the file."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grid_mgmt.settings")
    django.setup()
    FLOW.write_text(flow(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
