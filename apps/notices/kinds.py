"""Names for kinds of notices, so that a program can choose among them: an English sentence is no name.

This room knows nothing of issues, so the rooms above register what they say when Django starts (`AppConfig.ready`).
A text that nobody registered is of the kind OTHER: it is delivered like any other.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

OTHER: Final = "other"

_kinds: dict[str, str] = {}
_urgent: set[str] = set()


def register(name: str, texts: Iterable[str], *, is_urgent: bool = False) -> None:
    """Notices with one of these msgids are of the kind `name`; urgent ones are not held back in quiet hours.

    name: lower-case words joined by dots, "issue.overdue"; it is part of the webhook's contract and never renamed.
    """
    for text in texts:
        assert _kinds.get(text, name) == name, f"{text!r} is of the kind {_kinds[text]} already"
        _kinds[text] = name
        if is_urgent:
            _urgent.add(text)


def kind_of(text: str) -> str:
    """The kind of a notice's msgid."""
    return _kinds.get(text, OTHER)


def kinds_of_texts() -> Mapping[str, str]:
    """Every registered msgid and its kind."""
    return _kinds


def names() -> list[str]:
    """Every kind, in order."""
    return sorted({*_kinds.values(), OTHER})


def urgent_texts() -> Collection[str]:
    """The msgids that pass through quiet hours."""
    return _urgent
