"""Who reported an issue: the one function asked wherever feedback must reach them all."""

from apps.issues.models import Issue

MOST_LEVELS = 5  # of issues merged into merged issues


def reporters_of(issue: Issue) -> list[int]:
    """Ids of its reporter and of those of the duplicates merged into it, each once. One query a level of merging."""
    found, level = {issue.reporter_id: None}, [issue.pk]
    for _ in range(MOST_LEVELS):
        rows = list(Issue.objects.filter(merged_into__in=level).values_list("pk", "reporter_id"))
        if not rows:
            break
        level = [pk for pk, _reporter in rows]
        found.update(dict.fromkeys(reporter for _pk, reporter in rows))
    return list(found)
