"""Filing reports of the town in one line, through the public service."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection

from apps.grids.models import Grid
from apps.issues.models import Category, Handover, Issue, IssueEvent, RoutingRule, RuleSet
from apps.issues.selectors.catalogue import forget_catalogue
from apps.issues.services.filing import Report, file_report
from tests.factories import NOW, Town


def filed(town: Town, category: Category, grid: Grid | None = None, *, now: datetime = NOW, **report: Any) -> Issue:
    """A report of the town's grid member, in `cell` unless another is given; it waits for its route."""
    what = Report(category_id=category.id, grid_id=(grid or town.cell).id, text="", **report)
    return file_report(reporter=town.people.member, report=what, now=now).issue


def active_set() -> RuleSet:
    """The set that routes; an empty one is made where there is none."""
    values = {"version": 1, "name": "初始规则", "created_at": NOW, "activated_at": NOW}
    return RuleSet.objects.get_or_create(state=RuleSet.State.ACTIVE, defaults=values)[0]


def rule(*, name: str, to_tier: int, rule_set: RuleSet | None = None, **values: Any) -> RoutingRule:
    """A routing rule of the active set, unless another is given; asked from now on."""
    made = RoutingRule.objects.create(rule_set=rule_set or active_set(), name=name, to_tier=to_tier, **values)
    forget_catalogue()
    return made


def story(issue: Issue) -> list[tuple[str, str, int | None]]:
    """Kind, state and holding cell of every event, in order."""
    events = IssueEvent.objects.filter(issue=issue).order_by("seq")
    return list(events.values_list("kind", "state", "holder_grid_id"))


def held_by(issue: Issue) -> Handover:
    """The one open handover."""
    return Handover.objects.get(issue=issue, ended_at=None)


def fresh(issue: Issue) -> Issue:
    """The row as it is now."""
    return Issue.objects.get(id=issue.id)


def broken_chains() -> list[int]:
    """Ids of issues whose events do not form an unbroken chain that ends at the row's version."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT issue_id FROM (
                SELECT e.*, issue_event_digest(e.*) AS digest, row_number() OVER w AS place, lag(hash) OVER w AS before,
                    count(*) OVER (PARTITION BY issue_id) AS length
                FROM issues_issueevent e WINDOW w AS (PARTITION BY issue_id ORDER BY seq)) e
            JOIN issues_issue i ON i.id = e.issue_id
            WHERE e.digest <> e.hash OR e.seq <> e.place OR e.previous <> coalesce(before, ''::bytea)
                OR i.version <> e.length
            """
        )
        return [row[0] for row in cursor.fetchall()]


@contextmanager
def refused_by_the_database(table: str, condition: str, *, sleep: float = 0) -> Iterator[None]:
    """While it lasts, a trigger raises for every new row of `table` that meets the SQL `condition` on NEW."""
    name = "only_in_this_test"
    body = f"PERFORM pg_sleep({sleep});" if sleep else "RAISE EXCEPTION 'refused by the test';"
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF {condition} THEN {body} END IF; RETURN NEW; END $$;"
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();"
        )
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();")
