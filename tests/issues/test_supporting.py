"""Supporting what is reported already: counted once, told at the end, and no key to anything."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.dispatch.selectors.lines import lines_of
from apps.issues.models import Issue, Photo, Support
from apps.issues.selectors.detail import detail
from apps.issues.selectors.duplicates import Here, ref_of, similar_issues, similar_to
from apps.issues.selectors.invariants import check_invariants
from apps.issues.selectors.reporters import also_reported, supporters_of
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.filing import Report, file_report
from apps.issues.services.moves import MoveFields, StaleVersion, make_move
from apps.issues.services.routing import route_waiting
from apps.issues.services.supporting import NothingSimilar, Seen, Supported, YourOwn, support
from apps.issues.workflow import Give
from apps.notices.models import Notice
from apps.staff.models import User
from apps.staff.selectors import scope_of
from tests.factories import NOW, Town, inside
from tests.issues.test_api import client, media, picture
from tests.issues.test_moves import move

__all__ = ["media"]  # a fixture
pytestmark = pytest.mark.usefixtures("hints")
LATER = NOW + timedelta(minutes=30)
SIMILAR, SUPPORT = "/api/v1/issues/similar/", "/api/v1/issues/support/"


@pytest.fixture
def rubble(town: Town) -> Issue:
    """Rubble in the leader's cell, with the district."""
    return reported(town, town.people.leader)


def reported(town: Town, who: User, **report: Any) -> Issue:
    lon, lat = inside(town.cell)
    values: dict[str, Any] = {"lon": lon, "lat": lat, "text": "门口有建筑垃圾"} | report
    issue = file_report(reporter=who, report=Report(town.categories.rubbish.id, **values), now=NOW).issue
    route_waiting(now=NOW)
    return Issue.objects.get(pk=issue.pk)


def seen(town: Town, **values: Any) -> Seen:
    return Seen(town.categories.rubbish.id, Here(town.cell.id, *inside(town.cell)), **values)


def supported(town: Town, who: User, issue: Issue, **values: Any) -> Supported:
    return support(supporter=who, ref=ref_of(issue.pk, who.pk), seen=seen(town, **values), now=LATER)


def test_who_saw_the_same_is_counted_and_the_words_and_photos_go_to_the_issue(
    town: Town, rubble: Issue, media: Any
) -> None:
    made = supported(town, town.people.other_leader, rubble, text="又多了一堆", photos=[picture()])
    assert made == Supported(issue=None, created=True)
    event = rubble.events.order_by("-seq")[0]
    assert (event.kind, event.payload) == ("support", {"text": "又多了一堆", "photos": 1})
    assert Photo.objects.get(issue=rubble).taken_by == town.people.other_leader
    assert also_reported([rubble.pk]) == {rubble.pk: 1}
    page = detail(rubble.number, scope_of(town.people.dispatcher.id, LATER), LATER)
    assert page is not None
    assert "同样" in page.lines[-1].sentence
    assert check_invariants(now=LATER).findings == []


def test_it_counts_once_however_often_it_is_sent(town: Town, rubble: Issue) -> None:
    first, second = (supported(town, town.people.next_leader, rubble) for _ in range(2))
    assert (first.created, second.created) == (True, False)
    assert Support.objects.count() == 1
    assert [event.kind for event in rubble.events.all()].count("support") == 1


def test_nobody_supports_an_own_report(town: Town, rubble: Issue) -> None:
    with pytest.raises(YourOwn):
        supported(town, town.people.leader, rubble)


def test_what_has_ended_or_was_never_shown_cannot_be_supported(town: Town, rubble: Issue) -> None:
    who = town.people.next_leader
    for ref in ("", "x", ref_of(rubble.pk, town.people.other_leader.pk), ref_of(rubble.pk + 1, who.pk), "é" * 24):
        with pytest.raises(NothingSimilar):
            support(supporter=who, ref=ref, seen=seen(town), now=LATER)
    far = Seen(town.categories.rubbish.id, Here(town.far_cell.id, *inside(town.far_cell)))
    with pytest.raises(NothingSimilar):
        support(supporter=who, ref=ref_of(rubble.pk, who.pk), seen=far, now=LATER)
    move(rubble, "cancel", town.people.dispatcher, "重复录入")
    with pytest.raises(NothingSimilar):
        supported(town, who, rubble)
    assert not Support.objects.exists()


def test_supporting_opens_nothing(town: Town, rubble: Issue, media: Any) -> None:
    """Neither the issue nor its photos, its words, its number, its reporter; not even to who guesses the address."""
    who = town.people.other_leader
    scope = scope_of(who.id, LATER)
    before = visible_issues(scope).count()
    supported(town, who, rubble, photos=[picture()])
    assert visible_issues(scope).count() == before
    assert detail(rubble.number, scope, LATER) is None
    program = client(who)
    assert program.get(f"/api/v1/issues/{rubble.number}/").status_code == 404
    assert program.get(f"/api/v1/photos/{Photo.objects.get().id}/").status_code == 404


def test_who_supports_hears_of_the_end_without_number_or_link(town: Town, rubble: Issue) -> None:
    who = town.people.other_leader
    supported(town, who, rubble)
    issue = move(rubble, "handle", town.people.dispatcher, minutes=40)
    move(issue, "self_handle", town.people.dispatcher, "已清运", minutes=45)
    notice = Notice.objects.get(recipient=who)
    assert notice.text == "What you saw too in %(cell)s is concluded"
    assert (notice.link, set(notice.values)) == ("/m/supported/", {"cell"})
    assert Notice.objects.get(recipient=town.people.leader, text__startswith="Your report").link.startswith("/i/")


def test_supporters_follow_what_their_issue_is_merged_into(town: Town, rubble: Issue) -> None:
    twin = reported(town, town.people.member)
    supported(town, town.people.other_leader, twin)
    supported(town, town.people.next_leader, rubble)
    supported(town, town.people.member, rubble)  # who reported the twin: one person, however often they say so
    move(twin, "merge", town.people.dispatcher, given={Give.INTO: rubble.number}, minutes=40)
    assert also_reported([rubble.pk]) == {rubble.pk: 3}
    assert set(supporters_of(rubble)) == {
        person.id for person in (town.people.other_leader, town.people.next_leader, town.people.member)
    }
    issue = move(rubble, "handle", town.people.dispatcher, minutes=45)
    move(issue, "self_handle", town.people.dispatcher, "已清运", minutes=50)
    told = Notice.objects.filter(text__endswith="is concluded").values_list("recipient_id", flat=True)
    expected = {town.people.leader, town.people.member, town.people.other_leader, town.people.next_leader}
    assert sorted(told) == sorted(person.id for person in expected)


def test_somebodys_support_is_no_news_to_who_is_about_to_move_it(town: Town, rubble: Issue) -> None:
    supported(town, town.people.next_leader, rubble)
    signed = make_move(
        move="sign",
        issue_id=rubble.pk,
        version=rubble.version,
        actor=town.people.dispatcher,
        fields=MoveFields(),
        now=LATER,
    )
    assert signed.version == rubble.version + 2
    with pytest.raises(StaleVersion):  # the signature in between is news
        make_move(
            move="handle",
            issue_id=rubble.pk,
            version=rubble.version,
            actor=town.people.dispatcher,
            fields=MoveFields(),
            now=LATER,
        )


@pytest.mark.parametrize("version", [0, 99])
def test_a_version_nobody_has_seen_is_still_stale(town: Town, rubble: Issue, version: int) -> None:
    with pytest.raises(StaleVersion):
        move(rubble, "sign", town.people.dispatcher, version=version)


def test_a_tenth_photo_is_left_out_and_the_support_counts(town: Town, rubble: Issue, media: Any) -> None:
    colors = ("red", "green", "blue")
    for number, who in enumerate((town.people.next_leader, town.people.other_leader, town.people.member)):
        shots = [picture(size=(20 + number, 20), color=color) for color in colors]
        assert supported(town, who, rubble, photos=shots).created
    shots = [picture(size=(50, 20), color=color) for color in colors]
    assert supported(town, town.people.stranger, rubble, photos=shots).created
    assert Photo.objects.filter(issue=rubble).count() == 9


def test_the_count_of_a_whole_page_costs_one_query(town: Town, rubble: Issue) -> None:
    rows = [rubble, *(reported(town, town.people.member) for _ in range(3))]
    supported(town, town.people.next_leader, rubble)
    found = list(Issue.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk"))
    with CaptureQueriesContext(connection) as queries:
        lines = lines_of(found)
    assert len(queries) == 2
    assert [line.also for line in lines] == [1, 0, 0, 0]


# --- for the dispatcher -----------------------------------------------------------------------------------


def test_the_pane_shows_what_is_near_and_open_and_visible(town: Town, rubble: Issue) -> None:
    twin = reported(town, town.people.member)
    closed = reported(town, town.people.member)
    move(closed, "cancel", town.people.dispatcher, "重复录入")
    for issue, other in ((rubble, twin), (twin, rubble)):
        found = similar_to(issue, scope_of(town.people.dispatcher.id, NOW))
        assert [one.issue for one in found] == [other]
    assert similar_to(rubble, scope_of(town.people.far_dispatcher.id, NOW)) == []


# --- the API ----------------------------------------------------------------------------------------------


def sent(town: Town, who: User, **body: Any) -> Any:
    lon, lat = inside(town.cell)
    body = {"category": town.categories.rubbish.code, "lon": lon, "lat": lat} | body
    return client(who).post(SUPPORT, json.dumps(body), content_type="application/json")


def test_a_program_supports_what_similar_has_shown(town: Town, rubble: Issue, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.common.clock.now", lambda: LATER)
    lon, lat = inside(town.cell)
    who = town.people.other_leader
    asked: dict[str, Any] = {"category": town.categories.rubbish.code, "lon": lon, "lat": lat}
    [shown] = client(who).get(SIMILAR, asked).json()
    assert (shown["is_open"], shown["is_own"], shown["number"]) == (True, False, None)
    assert shown["ref"] not in {ref_of(rubble.pk, other.pk) for other in (town.people.leader, town.people.dispatcher)}
    first, again = sent(town, who, ref=shown["ref"], text="我也看到了"), sent(town, who, ref=shown["ref"])
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"number": None}
    of_the_dispatcher = ref_of(rubble.pk, town.people.dispatcher.pk)
    assert sent(town, town.people.dispatcher, ref=of_the_dispatcher).json() == {"number": rubble.number}
    seen_by_all = client(town.people.dispatcher).get(f"/api/v1/issues/{rubble.number}/").json()
    assert seen_by_all["also_reported"] == 2


def test_a_program_may_send_photos_along(town: Town, rubble: Issue, media: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.common.clock.now", lambda: LATER)
    lon, lat = inside(town.cell)
    who = town.people.next_leader
    sent = {"category": town.categories.rubbish.code, "lon": lon, "lat": lat, "ref": ref_of(rubble.pk, who.pk)}
    assert client(who).post(SUPPORT, sent | {"photos": [picture()]}).status_code == 201
    assert Photo.objects.get(issue=rubble).taken_by == who
    not_a_photo = SimpleUploadedFile("a.jpg", b"%PDF-1.7")
    other = town.people.other_leader
    refused = client(other).post(SUPPORT, sent | {"ref": ref_of(rubble.pk, other.pk), "photos": [not_a_photo]})
    assert refused.status_code == 400
    assert not Support.objects.filter(user=other).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ref": "nonsense"}, 409),
        ({"ref": ""}, 400),
        ({"ref": "x" * 65}, 400),
        ({"ref": "a", "category": "999999"}, 400),
        ({"ref": "a", "lon": 10, "lat": 10}, 400),
        ({"ref": "a", "text": "x" * 5001}, 400),
        ({"ref": ["a"]}, 400),
        ({"ref": "\ud800"}, 400),
        ({}, 400),
    ],
)
def test_nonsense_is_refused_with_a_sentence(town: Town, body: dict[str, Any], status: int) -> None:
    answer = sent(town, town.people.next_leader, **body)
    assert answer.status_code == status, answer.content
    assert answer.json()["error"]["message"]


def test_a_reader_is_offered_what_they_reported_as_their_own(town: Town, rubble: Issue) -> None:
    here = Here(town.cell.id, *inside(town.cell))
    category = town.categories.rubbish.id
    for who, is_own in ((town.people.leader, True), (town.people.member, False)):
        [one] = similar_issues(category_id=category, here=here, at=LATER, viewer=scope_of(who.id, LATER))
        assert one.is_own is is_own
