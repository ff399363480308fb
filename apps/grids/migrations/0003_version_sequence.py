"""Versions come from a sequence: a number that was rolled back is never given again, so no cache can mistake it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("grids", "0002_first_boundary_version")]
    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE grids_version_numbers START 2",
            "DROP SEQUENCE grids_version_numbers",
        )
    ]
