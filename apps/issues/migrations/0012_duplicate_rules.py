"""How near and how recent a report is for a probable duplicate."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0011_open_carded"),
    ]

    operations = [
        migrations.CreateModel(
            name="DuplicateRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("radius_m", models.PositiveIntegerField(verbose_name="radius (m)")),
                ("window_hours", models.PositiveIntegerField(verbose_name="window (hours)")),
                ("is_active", models.BooleanField(default=True, verbose_name="in use")),
                (
                    "category",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="duplicate_rules",
                        to="issues.category",
                        verbose_name="category",
                    ),
                ),
            ],
            options={
                "verbose_name": "rule for duplicates",
                "verbose_name_plural": "rules for duplicates",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("category",), name="duplicaterule_one_per_category", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("radius_m__range", (1, 2000)), ("window_hours__range", (1, 720))),
                        name="duplicaterule_in_bounds",
                    ),
                ],
            },
        ),
    ]
