import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone


def gather(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The rules that are there become the first set, active; of the same names all but the first get a number."""
    rules = apps.get_model("issues", "RoutingRule").objects.order_by("order", "id")
    if not rules.exists():
        return
    now = timezone.now()
    first = apps.get_model("issues", "RuleSet").objects.create(
        version=1, name="初始规则", state="active", created_at=now, activated_at=now
    )
    taken: set[str] = set()
    for rule in rules:
        number, name = 1, rule.name
        while name in taken:
            number += 1
            name = f"{rule.name[:74]} ({number})"
        taken.add(name)
        rule.name, rule.rule_set = name, first
        rule.save(update_fields=["name", "rule_set"])
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else the rows wait, and the table cannot be altered


def keep_the_active(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Without sets every rule would route: drafts and old versions go."""
    apps.get_model("issues", "RoutingRule").objects.exclude(rule_set__state="active").delete()
    schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [
        ("grids", "0004_lineage_parents"),
        ("issues", "0004_flow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="power",
            name="assigns_directly",
            field=models.BooleanField(default=False, verbose_name="the department gets it at once"),
        ),
        migrations.AddField(
            model_name="routingrule",
            name="assigns_directly",
            field=models.BooleanField(default=False, verbose_name="the department gets it at once"),
        ),
        migrations.AddField(
            model_name="routingrule",
            name="is_working_time",
            field=models.BooleanField(blank=True, null=True, verbose_name="in working time"),
        ),
        migrations.CreateModel(
            name="RuleAlarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "fault",
                    models.CharField(
                        choices=[
                            ("off", "is switched off, but would have held"),
                            ("area_gone", "its area is closed"),
                            ("category_gone", "its category is not in use"),
                            ("no_tier", "there is no cell of its tier above a place where its conditions hold"),
                            ("no_department", "there is no department of its kind where its conditions hold"),
                            ("no_calendar", "the working calendar does not know the year"),
                        ],
                        max_length=20,
                        verbose_name="fault",
                    ),
                ),
                ("detail", models.CharField(blank=True, max_length=40, verbose_name="detail")),
                ("raised_at", models.DateTimeField(verbose_name="raised")),
                (
                    "rule",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alarms",
                        to="issues.routingrule",
                        verbose_name="routing rule",
                    ),
                ),
            ],
            options={
                "verbose_name": "alarm of a rule",
                "verbose_name_plural": "alarms of rules",
            },
        ),
        migrations.CreateModel(
            name="RuleSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField(unique=True, verbose_name="version")),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "draft"), ("active", "active"), ("retired", "retired")],
                        default="draft",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="made")),
                ("activated_at", models.DateTimeField(blank=True, null=True, verbose_name="active since")),
                ("retired_at", models.DateTimeField(blank=True, null=True, verbose_name="retired")),
            ],
            options={
                "verbose_name": "rule set",
                "verbose_name_plural": "rule sets",
                "ordering": ["-version"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")), fields=("state",), name="ruleset_only_one_active"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DryRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("since", models.DateTimeField(blank=True, null=True, verbose_name="filed since")),
                ("most", models.PositiveIntegerField(verbose_name="at most")),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("beat_at", models.DateTimeField(verbose_name="last sign of life")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "running"),
                            ("finished", "finished"),
                            ("stopped", "stopped"),
                            ("failed", "failed"),
                        ],
                        default="running",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("should_stop", models.BooleanField(default=False)),
                ("total", models.PositiveIntegerField(default=0, verbose_name="issues to look at")),
                ("seen", models.PositiveIntegerField(default=0, verbose_name="issues looked at")),
                ("after_id", models.BigIntegerField(null=True)),
                ("changed", models.PositiveIntegerField(default=0, verbose_name="would go elsewhere")),
                ("summary", models.JSONField(default=dict)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "rule_set",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="dry_runs",
                        to="issues.ruleset",
                        verbose_name="rule set",
                    ),
                ),
            ],
            options={
                "verbose_name": "dry run",
                "verbose_name_plural": "dry runs",
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="routingrule",
            name="rule_set",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rules",
                to="issues.ruleset",
                verbose_name="rule set",
            ),
        ),
        migrations.RunPython(gather, keep_the_active),
        migrations.AlterField(
            model_name="routingrule",
            name="rule_set",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rules",
                to="issues.ruleset",
                verbose_name="rule set",
            ),
        ),
        migrations.AddConstraint(
            model_name="routingrule",
            constraint=models.UniqueConstraint(fields=("rule_set", "name"), name="rule_name_once_per_set"),
        ),
        migrations.AddConstraint(
            model_name="rulealarm",
            constraint=models.UniqueConstraint(fields=("rule", "fault", "detail"), name="rulealarm_once"),
        ),
    ]
