"""manage.py locate LON LAT: which cell holds a point?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.grids.selectors import OutsideCity, locate, tree


class Command(BaseCommand):
    """Exit 0 and code and names from the cell up to the city; exit 1 and the nearest cell when the point is outside."""

    help = "Print the cell that holds a WGS-84 point, and all above it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("lon", type=float, help="longitude, degrees east")
        parser.add_argument("lat", type=float, help="latitude, degrees north")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cell = locate(options["lon"], options["lat"])
        except OutsideCity as refusal:
            code = f" ({refusal.nearest.code})" if refusal.nearest else ""
            raise CommandError(f"{refusal}{code}") from refusal
        self.stdout.write(f"{cell.code} " + " < ".join(step.name for step in tree().chain(cell.id)))
