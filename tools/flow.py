"""docs/flow.md out of the table of moves: `python -m tools.flow` writes it, a test says when it is stale."""

import os
import sys
from pathlib import Path

import django
from django.utils import translation

FLOW = Path(__file__).resolve().parent.parent / "docs" / "flow.md"

HEAD = """# The flow of an issue

Made by `python -m tools.flow` from `apps/issues/workflow/table.py`; do not edit. Pages, the API, the admin and the
tests read the same table.

The loop is 采集 → 上报 → 交办 → 办理 → 反馈 → 办结. Filing collects; routing reports up level by level, or assigns to
the cell itself; from then on people move the issue, and the sweep moves what is late. Who may make a move: a person who
acts for the present holder. Feedback walks the chain of assigners backwards, link by link; only where nobody waits for
a result can an issue be concluded.
"""


def flow() -> str:
    """The whole document."""
    from apps.issues.workflow import MOVES, Move, State  # noqa: PLC0415 - Django must be set up first

    def label(text: object) -> str:
        with translation.override("en"):
            english = str(text)
        with translation.override("zh-hans"):
            chinese = str(text)
        return f"{english} {chinese}" if chinese != english else english

    def goal(move: Move, source: State) -> str:
        down = f" ({label(move.to_downward.label)} when it goes down)" if move.to_downward else ""
        return label(move.to[source].label) + down

    def row(state: State) -> str:
        cells = [goal(move, state) if state in move.to else "–" for move in MOVES.values()]
        return f"| **{label(state.label)}** | " + " | ".join(cells) + " |"

    def details(move: Move) -> list[str]:
        words = f"{label(move.words)}: must be given" if move.needs_words else f"{label(move.words)}: may be given"
        if move.needs_words and move.needs_words != move.sources:
            words += " when " + ", ".join(label(state.label) for state in State if state in move.needs_words)
        with translation.override("en"):
            conditions = [f"- refused otherwise: {condition.sentence}" for condition in move.conditions]
            goes = f"- goes: {move.target.label}"
        photos = ["- may carry photos"] if move.takes_photos else []
        return [f"### {label(move.label)} (`{move.name}`)", "", goes, f"- {words}", *photos, *conditions, ""]

    header = "| | " + " | ".join(label(move.label) for move in MOVES.values()) + " |"
    lines = [HEAD, "## States and moves", "", header, "| --- |" + " --- |" * len(MOVES), *map(row, State), ""]
    lines += ["## The moves", ""]
    for move in MOVES.values():
        lines += details(move)
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    """Write the file."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "grid_mgmt.settings")
    django.setup()
    FLOW.write_text(flow(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
