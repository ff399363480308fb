"""What a bench says: a figure, what it stands against, their ratio, the aim. As JSON lines and as a table."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Measure = Literal["value", "ratio"]


@dataclass(frozen=True)
class Aim:
    """What the figure (or its ratio) should reach: `limit` is a floor when `at_least`, else a ceiling."""

    of: Measure
    at_least: bool
    limit: float
    unit: str = ""

    def holds(self, value: float | None, ratio: float | None) -> bool | None:
        """Whether the aim is reached; None without a figure."""
        measured = value if self.of == "value" else ratio
        if measured is None:
            return None
        return measured >= self.limit if self.at_least else measured <= self.limit

    def __str__(self) -> str:
        what = "" if self.of == "value" else "ratio "
        return f"{what}{'≥' if self.at_least else '≤'} {self.limit:g}{' ' if self.unit else ''}{self.unit}"


def at_least(limit: float, unit: str = "", of: Measure = "value") -> Aim:
    """An aim from below."""
    return Aim(of, at_least=True, limit=limit, unit=unit)


def at_most(limit: float, unit: str = "", of: Measure = "value") -> Aim:
    """An aim from above."""
    return Aim(of, at_least=False, limit=limit, unit=unit)


@dataclass(frozen=True)
class Row:
    """One line of the report. `ratio` is value / against_value; `note` says why there is no value, or how it came."""

    name: str
    value: float | None
    unit: str = ""
    against: str = ""
    against_value: float | None = None
    ratio: float | None = None
    aim: str = ""
    ok: bool | None = None
    note: str = ""

    def as_json(self) -> str:
        """The row as one line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "Row":
        """The row that `as_json` wrote."""
        return cls(**json.loads(line))


def row(
    name: str,
    value: float,
    unit: str,
    *,
    against: str = "",
    against_value: float | None = None,
    aim: Aim | None = None,
    note: str = "",
) -> Row:
    """A measured row; ratio and ok follow from the rest."""
    ratio = value / against_value if against_value else None
    return Row(
        name=name,
        value=_rounded(value),
        unit=unit,
        against=against,
        against_value=_rounded(against_value),
        ratio=_rounded(ratio),
        aim=str(aim) if aim else "",
        ok=aim.holds(value, ratio) if aim else None,
        note=note,
    )


def not_measured(name: str, why: str) -> Row:
    """The row of a bench that could not run."""
    return Row(name=name, value=None, note=why)


def table(rows: Sequence[Row]) -> str:
    """All rows as a table for people."""
    heads = ("name", "value", "unit", "against", "its value", "ratio", "aim", "ok", "note")
    lines = [heads, *(_cells(one) for one in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    text = [
        "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
    return "\n".join([text[0], "-" * min(sum(widths) + 2 * len(widths), 150), *text[1:]])


def _cells(one: Row) -> tuple[str, ...]:
    verdict = {True: "yes", False: "NO", None: ""}[one.ok]
    numbers = [_text(one.value), one.unit, one.against, _text(one.against_value), _text(one.ratio)]
    return (one.name, *numbers, one.aim, verdict, one.note)


def _text(number: float | None) -> str:
    return "–" if number is None else f"{number:,.10g}"


def _rounded(number: float | None) -> float | None:
    """Four significant digits: more would pretend."""
    return None if number is None else float(f"{number:.4g}")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
