"""Choosing a kind of department by the name of one, not by its code word."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import pgettext_lazy

from apps.common.languages import localized
from apps.issues.selectors.catalogue import catalogue


class KindSelect(forms.Select):
    """The kinds there are; one that is named but no longer there stays to be seen."""

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Iterable[tuple[Any, Any]] = ()) -> None:
        super().__init__(attrs, choices)

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        """Read at each drawing: departments come and go."""
        known = catalogue()
        kinds = sorted({*known.kind_examples, *(one for one in value if one)})
        self.choices = [("", "—"), *((kind, _name(kind, known.kind_examples.get(kind))) for kind in kinds)]
        return super().optgroups(name, value, attrs)


class AnySelect(forms.NullBooleanSelect):
    """A condition of a rule: yes, no, or any."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.choices = [("unknown", pgettext_lazy("condition", "any")), *list(self.choices)[1:]]


def _name(kind: str, example: tuple[str, str] | None) -> str:
    return f"{kind} · {localized(*example)}" if example else kind
