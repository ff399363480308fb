"""Rule sets: copied into a draft, tried on the past, put in force. One is active at every moment."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from apps.common.refusals import Refused
from apps.issues.models import DryRun, RoutingRule, RuleSet
from apps.issues.selectors.catalogue import catalogue, forget_catalogue, rules_of
from apps.issues.selectors.rules import rules_digest
from apps.issues.services.rule_alarms import clear_rule_alarms

COPIED: Final = (
    *("order", "name", "category_id", "area_id", "is_urgent", "is_working_time", "to_tier", "department_kind"),
    *("assigns_directly", "is_active"),
)


class RuleSetRefused(Refused):
    """Something about a set is not as it must be."""

    sentence = _("This cannot be done with this rule set.")
    status = 409


class AlreadyActive(RuleSetRefused):
    """It routes already."""

    sentence = _("Rule set %(set)s is active already.")


class NotTried(RuleSetRefused):
    """A draft goes into force only as it was tried."""

    sentence = _("Rule set %(set)s has not been tried on past issues as it is now: make a dry run and let it finish.")


class RulesAreFixed(RuleSetRefused):
    """What routed reports must stay readable."""

    sentence = _(
        "The rules of set %(set)s were in force and stay as they are: copy them to a new draft. "
        "Rules of the active set can be switched off and on."
    )


def draft_rule_set(*, name: str, copy_of: RuleSet | None, now: datetime) -> RuleSet:
    """A new draft, empty or with copies of the rules of another set."""
    with transaction.atomic():
        list(RuleSet.objects.select_for_update().order_by("id"))  # two drafts at once get two numbers
        newest = RuleSet.objects.aggregate(newest=Max("version"))["newest"] or 0
        draft = RuleSet.objects.create(version=newest + 1, name=name, created_at=now)
        if copy_of is not None:
            rows = copy_of.rules.order_by("order", "id").values(*COPIED)
            RoutingRule.objects.bulk_create(RoutingRule(rule_set=draft, **row) for row in rows)
    return draft


def activate_rule_set(*, rule_set_id: int, now: datetime) -> RuleSet:
    """Put a set in force; the one before retires. A draft needs a finished dry run of exactly its present rules.

    A retired set comes back at once: who must undo a mistake has no time to try the past.
    Raises AlreadyActive, NotTried.
    """
    with transaction.atomic():
        sets = {row.id: row for row in RuleSet.objects.select_for_update().order_by("id")}
        chosen = sets[rule_set_id]
        if chosen.state == RuleSet.State.ACTIVE:
            raise AlreadyActive(set=chosen)
        if chosen.is_draft and not is_tried(chosen):
            raise NotTried(set=chosen)
        RuleSet.objects.filter(state=RuleSet.State.ACTIVE).update(state=RuleSet.State.RETIRED, retired_at=now)
        chosen.state, chosen.activated_at, chosen.retired_at = RuleSet.State.ACTIVE, now, None
        chosen.save(update_fields=["state", "activated_at", "retired_at"])
        clear_rule_alarms(rule_set_id=chosen.id)
        transaction.on_commit(forget_catalogue)
    return chosen


def switch_rule(*, rule_id: int, is_active: bool) -> RoutingRule:
    """Switch a rule of a draft or of the active set off or on. Raises RulesAreFixed for a set that has retired."""
    with transaction.atomic():
        rule = RoutingRule.objects.select_for_update(of=("self",)).select_related("rule_set").get(id=rule_id)
        if rule.rule_set.state == RuleSet.State.RETIRED:
            raise RulesAreFixed(set=rule.rule_set)
        rule.is_active = is_active
        rule.save(update_fields=["is_active"])
        clear_rule_alarms(rule_set_id=rule.rule_set_id)
        transaction.on_commit(forget_catalogue)
    return rule


def is_tried(rule_set: RuleSet) -> bool:
    """Whether a dry run of exactly these rules has finished."""
    digest = rules_digest(rules_of(rule_set, catalogue().categories))
    return rule_set.dry_runs.filter(state=DryRun.State.FINISHED, digest=digest).exists()
