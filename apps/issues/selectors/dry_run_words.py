"""What a dry run has found, in words for the admin's page and the command."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as translate

from apps.grids.models import Tier
from apps.issues import routing
from apps.issues.models import DryRun, RoutingRule
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.past_routes import Place, Tally

MOST_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class Change:
    """So many issues would go from one place to another."""

    count: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Example:
    """One issue that would go elsewhere, and why."""

    number: str
    category: str
    before: str
    after: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it, the largest counts first. `changes` beside the active set; `real` beside where they really went."""

    headline: str
    changes: tuple[Change, ...]
    real: tuple[Change, ...]
    hits: tuple[str, ...]
    alarms: tuple[str, ...]
    examples: tuple[Example, ...]

    def lines(self) -> Iterator[str]:
        """As plain text."""
        yield self.headline
        for title, changes in (
            (translate("Beside the active set:"), self.changes),
            (translate("Beside where they really went:"), self.real),
        ):
            yield title
            yield from (f"  {row.count:>7,}  {row.before} → {row.after}" for row in changes)
        yield translate("Rules:")
        yield from (f"  {line}" for line in (*self.hits, *self.alarms))
        for example in self.examples:
            yield f"{example.number} {example.category}: {example.before} → {example.after}"
            yield from (f"    {answer}" for answer in example.answers)


def report_of(run: DryRun) -> Report:
    """Of a run in any state. One query for the rules' names."""
    tally = Tally.from_json(run.summary, seen=run.seen, changed=run.changed)
    names = dict(
        RoutingRule.objects.filter(rule_set_id=run.rule_set_id).order_by("order", "id").values_list("id", "name")
    )
    return Report(
        headline=_headline(run, tally),
        changes=_changes(tally.changes.most_common(MOST_SHOWN)),
        real=_changes(tally.real.most_common(MOST_SHOWN)),
        hits=tuple(_hit(name, tally.hits[id]) for id, name in names.items()),
        alarms=tuple(
            f"{routing.answer_sentence(answer, names.get(rule, f'#{rule}'))} ×{count:,}"
            for (rule, answer), count in tally.alarms.most_common()
        ),
        examples=tuple(_example(row, names) for row in tally.examples),
    )


def _headline(run: DryRun, tally: Tally) -> str:
    sentence = translate(
        "Rule set %(set)s: of %(seen)s past issues %(changed)s would go elsewhere than by the active set; "
        "%(unroutable)s lie in cells that are closed now."
    )
    return sentence % {
        "set": run.rule_set,
        "seen": f"{run.seen:,}",
        "changed": f"{run.changed:,}",
        "unroutable": f"{tally.unroutable:,}",
    }


def _changes(rows: Sequence[tuple[tuple[Place, Place], int]]) -> tuple[Change, ...]:
    return tuple(Change(count, place_words(before), place_words(after)) for (before, after), count in rows)


def _hit(name: str, count: int) -> str:
    return translate("“%(rule)s” decided %(count)s.") % {"rule": name, "count": f"{count:,}"}


def place_words(place: Place) -> str:
    """A tier, with the kind of department that holds it or is suggested there."""
    tier = str(Tier(place.tier).label)
    if not place.kind:
        return tier
    pattern = (
        translate("%(tier)s, given to %(department)s")
        if place.is_held_by_department
        else translate("%(tier)s, suggesting %(department)s")
    )
    return pattern % {"tier": tier, "department": catalogue().kind_words(place.kind)}


def _example(row: dict[str, Any], names: dict[int, str]) -> Example:
    category = catalogue().categories.get(row["category"])
    return Example(
        number=row["number"],
        category=str(category) if category else f"#{row['category']}",
        before=place_words(Place(*row["from"])),
        after=place_words(Place(*row["to"])),
        answers=tuple(
            routing.answer_sentence(answer, names.get(rule, f"#{rule}")) for rule, answer in row["trace"]["rules"]
        ),
    )
