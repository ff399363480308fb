"""`manage.py load_catalogue`: the categories, standards, powers, limits and rules a city starts with."""

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from apps.issues.services.catalogue import load_catalogue


class Command(BaseCommand):
    help = "Add the shipped catalogue rows that are missing. Rows that exist are never changed."

    def handle(self, *args: object, **options: object) -> None:
        loaded = load_catalogue()
        figures = {
            "categories": loaded.categories,
            "standards": loaded.standards,
            "powers": loaded.powers,
            "limits": loaded.limits,
            "rules": loaded.rules,
        }
        self.stdout.write(
            _(
                "Added %(categories)d categories, %(standards)d standards, %(powers)d powers, "
                "%(limits)d limits of tiers, %(rules)d routing rules."
            )
            % figures
        )
