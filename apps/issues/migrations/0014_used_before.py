"""What a department had used of its limit before it returned an issue that it gets again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0013_supports")]

    operations = [
        migrations.AddField(
            model_name="handover",
            name="used_before",
            field=models.DurationField(null=True, verbose_name="used before"),
        ),
    ]
