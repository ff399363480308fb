"""“Why did it go there?” 为什么到了这里: what routing decided and how, in sentences, out of the issue's own history.

The history keeps codes (`routing.Trace`); names of rules, categories and departments are looked up on reading.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as translate

from apps.grids.models import Tier
from apps.issues import routing
from apps.issues.models import IssueEvent, RoutingRule, State
from apps.issues.selectors.catalogue import Catalogue, catalogue
from apps.issues.selectors.timeline import Line
from apps.issues.workflow import MOVES, Target


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. `steps`: hop by hop; `grounds`: the power that counted; `rules`: what each asked rule answered."""

    steps: tuple[str, ...]
    grounds: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it in order."""
        return (*self.steps, *self.grounds, *self.rules)


def why_there(events: Sequence[IssueEvent], lines: Sequence[Line]) -> Why:
    """Of one issue, from its events in order and their lines. One query where rules of a retired set are named."""
    routed = [
        (event, line)
        for event, line in zip(events, lines, strict=True)
        if event.actor_id is None and "reason" in event.payload
    ]
    if not routed:
        return Why((_unrouted(lines),))
    steps = [_step(line) for _, line in routed]
    last_routed = routed[-1][1]
    moved = _moved(lines, last_routed.seq)
    if moved is not None:
        steps.append(translate("Since then: %(sentence)s.") % {"sentence": moved.sentence})
    trace = routed[-1][0].payload.get("trace", {})
    return Why(tuple(steps), tuple(_grounds(trace)), tuple(_answers(trace)))


# whatever gives it another holder or none, the ladder's last step too
MOVING: Final = frozenset({name for name, row in MOVES.items() if row.target is not Target.STAYS} | {"escalate"})
KEEPING: Final = "handle"  # a platform decides to do it itself; among those who handle it already, a note on the way


def _moved(lines: Sequence[Line], routed: int) -> Line | None:
    """What people, or their lateness, did with it last since it was routed at `routed`."""
    for before, line in zip(reversed(lines[:-1]), reversed(lines), strict=False):
        if line.seq <= routed:
            return None
        if line.kind in MOVING or (line.kind == KEEPING and before.state != State.HANDLING):
            return line
    return None


def _unrouted(lines: Sequence[Line]) -> str:
    """Solved on the spot, or still waiting."""
    ending = next((line for line in lines if line.kind == "self_handle"), None)
    if ending is not None:
        return translate("It was solved where it was seen, so it went nowhere.")
    return translate("It waits for its route: a moment only.")


def _step(line: Line) -> str:
    return translate("%(sentence)s: %(reason)s.") % {"sentence": line.sentence, "reason": line.reason}


def _grounds(trace: Mapping[str, Any]) -> Iterator[str]:
    """The row of the powers that counted, as it was then."""
    power = trace.get("power")
    if not power:
        return
    category_id, tier, may_handle, kind = power
    known = catalogue().categories.get(category_id) if category_id is not None else None
    name = str(known) if known else translate("any category") if category_id is None else f"#{category_id}"
    values = {"category": name, "tier": Tier(tier).label, "department": catalogue().kind_words(kind)}
    if kind:
        yield translate("By the powers: %(category)s · %(tier)s · %(department)s.") % values
    elif may_handle:
        yield translate("By the powers: %(category)s · %(tier)s · may handle it itself.") % values


def _answers(trace: Mapping[str, Any]) -> Iterator[str]:
    """What each rule answered; the one that held first, because it is the reason."""
    asked = trace.get("rules", [])
    if trace.get("set") is not None and trace.get("asked"):
        values = {"version": trace["set"], "count": trace["asked"]}
        yield translate("Of rule set %(version)s, rules asked: %(count)s.") % values
    names = _names([rule_id for rule_id, _ in asked], catalogue())
    for rule_id, answer in sorted(asked, key=lambda pair: pair[1] != routing.Answer.HOLDS):
        yield routing.answer_sentence(answer, names.get(rule_id, f"#{rule_id}"))
    if (more := trace.get("asked", 0) - len(asked)) > 0:
        yield translate("Other rules that did not hold: %(count)s.") % {"count": more}


def _names(ids: Sequence[int], known: Catalogue) -> dict[int, str]:
    """Rules of sets that are or were active never change; at most one query."""
    names = {rule.id: rule.name for rule in known.rules}
    if missing := [id for id in ids if id not in names]:
        names |= dict(RoutingRule.objects.filter(id__in=missing).values_list("id", "name"))
    return names
