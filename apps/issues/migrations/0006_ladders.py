"""Rungs as data: a handover keeps its ladder as moments and kinds; before, it knew a reminder, a due time, a breach."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

FORWARD = """
UPDATE issues_handover
SET rung_at = ARRAY[remind_at, due_at, breach_at], rung_kinds = ARRAY['remind', 'overdue', 'escalate'];
UPDATE issues_issue SET step = rung WHERE rung > 0;
"""
# what a ladder has beside the three steps is lost; so is a card
BACKWARD = """
UPDATE issues_handover
SET remind_at = least(coalesce(rung_at[array_position(rung_kinds, 'remind')], due_at), due_at),
    breach_at = greatest(coalesce(rung_at[array_position(rung_kinds, 'escalate')], rung_at[cardinality(rung_at)]), due_at);
UPDATE issues_issue issue
SET next_action_at = CASE issue.rung WHEN 0 THEN held.remind_at WHEN 1 THEN held.due_at
    ELSE greatest(issue.next_action_at, held.breach_at) END
FROM issues_handover held WHERE held.issue_id = issue.id AND held.ended_at IS NULL AND issue.closed_at IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("grids", "0004_lineage_parents"),
        ("issues", "0005_rule_sets"),
        ("staff", "0003_sign_in_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EscalationRung",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "tier",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[
                            (0, "City"),
                            (1, "District"),
                            (2, "Level 1 (street, township)"),
                            (3, "Level 2 (community, village)"),
                            (4, "Level 3 (courtyard, village group)"),
                        ],
                        null=True,
                        verbose_name="tier",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("dispatch", "sign and pass on"),
                            ("handle", "handle"),
                            ("check", "check and conclude"),
                        ],
                        max_length=10,
                        verbose_name="purpose",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("unsigned", "not signed"),
                            ("remind", "reminder"),
                            ("overdue", "overdue"),
                            ("yellow_card", "yellow card"),
                            ("red_card", "red card"),
                            ("escalate", "moves up"),
                        ],
                        max_length=12,
                        verbose_name="rung",
                    ),
                ),
                (
                    "counts_from",
                    models.CharField(
                        choices=[
                            ("share", "per cent of the limit"),
                            ("start", "after the start"),
                            ("due", "after the due time"),
                        ],
                        default="share",
                        max_length=5,
                        verbose_name="counts from",
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=7, verbose_name="amount")),
                (
                    "unit",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("urgenthour", "urgent hour"),
                            ("workhour", "work hour"),
                            ("workday", "work day"),
                            ("calendarday", "calendar day"),
                        ],
                        max_length=12,
                        verbose_name="unit",
                    ),
                ),
            ],
            options={
                "verbose_name": "rung of a ladder",
                "verbose_name_plural": "rungs of ladders",
            },
        ),
        migrations.CreateModel(
            name="Pause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(verbose_name="started")),
                ("until", models.DateTimeField(verbose_name="planned end")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
            ],
            options={
                "verbose_name": "pause",
                "verbose_name_plural": "pauses",
            },
        ),
        migrations.RemoveConstraint(
            model_name="handover",
            name="handover_clock_runs_forward",
        ),
        migrations.AddField(
            "handover", "rung_at", ArrayField(models.DateTimeField(), null=True, verbose_name="moments of the rungs")
        ),
        migrations.AddField(
            "handover",
            "rung_kinds",
            ArrayField(models.CharField(max_length=12), null=True, verbose_name="kinds of the rungs"),
        ),
        # nullable before they go, so that they may come back empty
        migrations.AlterField("handover", "remind_at", models.DateTimeField("reminder", null=True)),
        migrations.AlterField("handover", "breach_at", models.DateTimeField("moves up", null=True)),
        migrations.AddField(
            model_name="issue",
            name="card",
            field=models.PositiveSmallIntegerField(
                choices=[(0, "none"), (1, "supervised"), (2, "yellow card"), (3, "red card")],
                default=0,
                verbose_name="supervision card",
            ),
        ),
        migrations.AddField(
            model_name="issue",
            name="step",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="rungs done"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AlterField(
            "handover", "rung_at", ArrayField(models.DateTimeField(), verbose_name="moments of the rungs")
        ),
        migrations.AlterField(
            "handover", "rung_kinds", ArrayField(models.CharField(max_length=12), verbose_name="kinds of the rungs")
        ),
        migrations.RemoveField("handover", "remind_at"),
        migrations.RemoveField("handover", "breach_at"),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(("due_at__gte", models.F("started_at"))), name="handover_clock_runs_forward"
            ),
        ),
        migrations.AddConstraint(
            model_name="handover",
            constraint=models.CheckConstraint(
                condition=models.Q(("rung_at__len", models.F("rung_kinds__len")), ("rung_at__len__gt", 0)),
                name="handover_ladder_is_whole",
            ),
        ),
        migrations.AddField(
            model_name="escalationrung",
            name="category",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rungs",
                to="issues.category",
                verbose_name="category",
            ),
        ),
        migrations.AddField(
            model_name="pause",
            name="actor",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="pause",
            name="handover",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="pauses",
                to="issues.handover",
                verbose_name="handover",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationrung",
            constraint=models.UniqueConstraint(
                fields=("category", "tier", "purpose", "kind"), name="rung_one_of_a_kind", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationrung",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="rung_after_the_start"),
        ),
        migrations.AddConstraint(
            model_name="escalationrung",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("counts_from", "share"), ("unit", "")),
                    models.Q(models.Q(("counts_from", "share"), _negated=True), models.Q(("unit", ""), _negated=True)),
                    _connector="OR",
                ),
                name="rung_has_a_unit_or_is_a_share",
            ),
        ),
        migrations.AddConstraint(
            model_name="escalationrung",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "overdue"), _negated=True),
                    models.Q(("amount", 100), ("counts_from", "share")),
                    _connector="OR",
                ),
                name="rung_overdue_at_the_limit",
            ),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("handover",), name="pause_one_open_per_handover"
            ),
        ),
        migrations.AddConstraint(
            model_name="pause",
            constraint=models.CheckConstraint(
                condition=models.Q(("until__gt", models.F("started_at"))), name="pause_ends_after_it_starts"
            ),
        ),
    ]
