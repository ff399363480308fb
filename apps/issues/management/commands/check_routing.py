"""manage.py check_routing: are powers and routing rules sound?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from apps.common import clock
from apps.issues.models import RuleSet
from apps.issues.selectors.rules import check_routing


class Command(BaseCommand):
    """Exit 0 and one line when they are; exit 1 and one line per fault when not."""

    help = "List broken, switched-off and never-reached routing rules, broken powers and categories without power."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rules", type=int, default=None, metavar="VERSION", help="of this set, not the active one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = rule_set_of(options["rules"]) if options["rules"] is not None else None
        findings = check_routing(now=clock.now(), rule_set=chosen)
        for finding in findings:
            self.stdout.write(str(finding))
        if findings:
            raise CommandError(_("Faults of powers and rules: %(count)d.") % {"count": len(findings)})
        self.stdout.write(_("Powers and rules are sound."))


def rule_set_of(version: int) -> RuleSet:
    """Raises CommandError for an unknown one."""
    found = RuleSet.objects.filter(version=version).first()
    if found is None:
        raise CommandError(_("There is no rule set %(version)d.") % {"version": version})
    return found
