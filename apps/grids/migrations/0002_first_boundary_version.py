"""The one row that every cache and map keys on."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def create_the_row(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("grids", "BoundaryVersion").objects.get_or_create(id=1, defaults={"number": 1})


class Migration(migrations.Migration):
    dependencies = [("grids", "0001_initial")]
    operations = [migrations.RunPython(create_the_row, migrations.RunPython.noop)]
