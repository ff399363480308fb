"""One table of who sees what, walked over every surface: lists, count, detail, export, photo, feed, API, admin."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from apps.dispatch.selectors.hints import hears_in_scope
from apps.grids.models import Grid
from apps.grids.services.cells import move_cell
from apps.issues.models import Issue, Photo
from apps.issues.selectors.acting import standing_of
from apps.issues.selectors.detail import detail
from apps.issues.selectors.queue import count_open, newest_page, queue_page
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.filing import Report, file_report
from apps.issues.services.handovers import feed_entry
from apps.issues.services.moves import SEE_IT
from apps.issues.services.photos import add_rows, kept_pictures, prepare_pictures
from apps.issues.services.routing import route_waiting
from apps.notices.models import Delivery, Notice, Way
from apps.notices.services import notify
from apps.staff.models import Role, User
from apps.staff.selectors import Scope, scope_of
from tests.factories import NOW, PASSWORD, Town, end_posts, inside, post
from tests.issues.test_api import URL, client, picture
from tests.issues.test_moves import move

Cast = dict[str, Issue]

ALL = {"rubble", "noise", "quiet", "far", "strange"}
DISTRICT = {"rubble", "noise", "quiet"}
SEES: dict[str, set[str]] = {
    "member": {"rubble"},
    "leader": {"rubble"},
    "next_leader": {"noise"},
    "other_leader": set(),
    "community_leader": {"rubble", "noise"},
    "other_community_leader": set(),
    "street_leader": {"rubble", "noise"},
    "street_clerk": {"rubble", "noise"},
    "dispatcher": DISTRICT,
    "duty_chief": DISTRICT,
    "viewer": DISTRICT,
    "inspector": ALL,
    "city_dispatcher": ALL,
    "handler": {"rubble"},
    "other_handler": set(),
    "far_leader": {"far", "strange"},
    "far_dispatcher": {"far", "strange"},
    "far_handler": set(),
    "former_dispatcher": set(),
    "stranger": {"strange"},  # filed it
    "admin": set(),
}
BEYOND = "%(number)s: beyond the powers of %(from)s"


@pytest.fixture
def cast(town: Town, settings: Any, tmp_path: Any) -> Cast:
    """Five issues: rubble is with urban management, noise with its cell, the others with their district."""
    settings.MEDIA_ROOT = tmp_path

    def issue(reporter: User, cell: Grid, category: str) -> Issue:
        lon, lat = inside(cell)
        report = Report(category_id=getattr(town.categories, category).id, lon=lon, lat=lat, text=f"{cell.name}有情况")
        return file_report(reporter=reporter, report=report, now=NOW).issue

    people = town.people
    made = {
        "rubble": issue(people.leader, town.cell, "rubbish"),
        "noise": issue(people.next_leader, town.next_cell, "noise"),
        "quiet": issue(people.dispatcher, town.quiet_cell, "rubbish"),
        "far": issue(people.far_leader, town.far_cell, "rubbish"),
        "strange": issue(people.stranger, town.far_cell, "rubbish"),
    }
    route_waiting(now=NOW)
    move(made["rubble"], "assign", people.dispatcher, "请清运", to_department_id=town.departments.chengguan.id)
    for name, one in made.items():
        told = [getattr(people, role).id for role, seen in SEES.items() if name in seen]
        values = {"number": one.number, "from": town.cell.name}
        notify(recipients=told, text=BEYOND, values=values, link=f"/i/{one.number}/", now=NOW)
        with kept_pictures(prepare_pictures([picture()]), NOW) as kept:
            add_rows(issue_id=one.id, stage=Photo.Stage.REPORT, kept=kept, taken_by_id=one.reporter_id, now=NOW)
    for notice in Notice.objects.all():
        Delivery.objects.create(notice=notice, channel=Way.SMS, state="given_up", next_attempt_at=NOW, created_at=NOW)
    return {name: Issue.objects.get(pk=one.pk) for name, one in made.items()}


def signed_in(person: User) -> Client:
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(person)
    return browser


def by_each(cast: Cast, sees: Callable[[Issue], bool]) -> set[str]:
    return {name for name, issue in cast.items() if sees(issue)}


def names(cast: Cast, ids: Any) -> set[str]:
    wanted = set(ids)
    return {name for name, issue in cast.items() if issue.id in wanted}


Surface = Callable[[Cast, User, Scope], set[str]]


def list_by_time(cast: Cast, who: User, scope: Scope) -> set[str]:
    return names(cast, (row.id for row in queue_page(scope, at=NOW).rows))


def list_newest(cast: Cast, who: User, scope: Scope) -> set[str]:
    return names(cast, (row.id for row in newest_page(scope, at=NOW).rows))


def one_in_detail(cast: Cast, who: User, scope: Scope) -> set[str]:
    return by_each(cast, lambda issue: detail(issue.number, scope, NOW) is not None)


def export(cast: Cast, who: User, scope: Scope) -> set[str]:
    answer: Any = signed_in(who).get("/issues.csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    return by_each(cast, lambda issue: issue.number in {row[0] for row in rows[1:]})


def photo(cast: Cast, who: User, scope: Scope) -> set[str]:
    browser = signed_in(who)
    return by_each(cast, lambda issue: browser.get(f"/photo/{issue.photos.get().id}/").status_code == 200)


def photo_by_api(cast: Cast, who: User, scope: Scope) -> set[str]:
    program = client(who)
    return by_each(cast, lambda issue: program.get(f"/api/v1/photos/{issue.photos.get().id}/").status_code == 200)


def api_list(cast: Cast, who: User, scope: Scope) -> set[str]:
    numbers = {row["number"] for row in client(who).get(URL).json()["results"]}
    return by_each(cast, lambda issue: issue.number in numbers)


def api_search(cast: Cast, who: User, scope: Scope) -> set[str]:
    numbers = {row["number"] for row in client(who).get(f"{URL}?q=有情况").json()["results"]}
    return by_each(cast, lambda issue: issue.number in numbers)


def api_detail(cast: Cast, who: User, scope: Scope) -> set[str]:
    program = client(who)
    statuses = {name: program.get(f"{URL}{issue.number}/").status_code for name, issue in cast.items()}
    assert set(statuses.values()) <= {200, 404}
    return {name for name, status in statuses.items() if status == 200}


def admin_list(cast: Cast, who: User, scope: Scope) -> set[str]:
    person = User.objects.get(pk=who.pk)
    person.is_staff = person.is_superuser = True
    person.save()
    page = signed_in(person).get("/admin/issues/issue/").content.decode()
    return by_each(cast, lambda issue: issue.number in page)


def admin_detail(cast: Cast, who: User, scope: Scope) -> set[str]:
    person = User.objects.get(pk=who.pk)
    person.is_staff = person.is_superuser = True
    person.save()
    browser = signed_in(person)
    return by_each(cast, lambda issue: browser.get(f"/admin/issues/issue/{issue.id}/change/").status_code == 200)


def overseer(who: User) -> Client:
    """The person, with the right to look at notices and deliveries in the admin."""
    person = User.objects.get(pk=who.pk)
    person.is_staff, person.is_superuser = True, False
    person.save()
    person.user_permissions.set(Permission.objects.filter(codename__in=["view_notice", "view_delivery"]))
    return signed_in(person)


def own_or_anybodys(issue: Issue, who: User) -> Notice:
    about = Notice.objects.filter(text=BEYOND, values__number=issue.number)
    return about.filter(recipient=who).first() or about[0]


def admin_notices(cast: Cast, who: User, scope: Scope) -> set[str]:
    page = overseer(who).get("/admin/notices/notice/").text
    return by_each(cast, lambda issue: issue.number in page)


def admin_notice(cast: Cast, who: User, scope: Scope) -> set[str]:
    browser = overseer(who)
    return by_each(
        cast,
        lambda issue: (
            issue.number in browser.get(f"/admin/notices/notice/{own_or_anybodys(issue, who).id}/change/").text
        ),
    )


def admin_deliveries(cast: Cast, who: User, scope: Scope) -> set[str]:
    page = overseer(who).get("/admin/notices/delivery/?all=").text
    return by_each(cast, lambda issue: issue.number in page)


def admin_delivery(cast: Cast, who: User, scope: Scope) -> set[str]:
    browser = overseer(who)

    def page(issue: Issue) -> str:
        delivery = own_or_anybodys(issue, who).deliveries.get()
        return browser.get(f"/admin/notices/delivery/{delivery.id}/change/").text

    return by_each(cast, lambda issue: issue.number in page(issue))


SURFACES: list[Surface] = [
    list_by_time, list_newest, one_in_detail, export, photo, photo_by_api, api_list, api_search, api_detail,
    admin_list, admin_detail, admin_notices, admin_notice, admin_deliveries, admin_delivery,
]  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.__name__)
def test_everybody_sees_on_every_surface_what_the_table_says(cast: Cast, town: Town, surface: Surface) -> None:
    found = {}
    for role in SEES:
        person = getattr(town.people, role)
        found[role] = surface(cast, person, scope_of(person.id, NOW))
    assert found == SEES


def test_counts_agree_with_the_table(cast: Cast, town: Town) -> None:
    for role, seen in SEES.items():
        assert count_open(scope_of(getattr(town.people, role).id, NOW), at=NOW) == len(seen), role


def test_the_feed_lets_through_what_the_table_says_but_for_own_reports(cast: Cast, town: Town) -> None:
    for role, seen in SEES.items():
        hears = hears_in_scope(scope_of(getattr(town.people, role).id, NOW))
        heard = by_each(cast, lambda issue, hears=hears: hears(feed_entry(issue, "x")))  # type: ignore[misc]
        assert heard == (set() if role == "stranger" else seen), role


def test_a_stranger_to_the_site_sees_no_surface(cast: Cast) -> None:
    issue = cast["rubble"]
    for path in (f"/photo/{issue.photos.get().id}/", "/issues.csv"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("who", sorted(SEES))
def test_nobody_acts_for_a_holder_or_reported_it_without_seeing_it(cast: Cast, town: Town, who: str) -> None:
    move(cast["noise"], "sign", town.people.next_leader)
    move(cast["quiet"], "report_up", town.people.dispatcher, "请市里协调")
    scope = scope_of(getattr(town.people, who).id, NOW)
    for issue in Issue.objects.all():
        standing = standing_of(issue, scope, NOW)
        assert not SEE_IT & standing.posts.keys() or issue in visible_issues(scope)


def test_a_cell_goes_on_seeing_what_it_holds_when_the_place_comes_under_another_one(cast: Cast, town: Town) -> None:
    issue = move(cast["noise"], "report_up", town.people.next_leader, "处理不了")
    assert issue.holder_grid == town.community
    move_cell(cell_id=town.next_cell.id, parent_id=town.other_community.id, now=NOW)
    scope = scope_of(town.people.community_leader.id, NOW)
    hint = feed_entry(issue, "x")
    assert (issue in visible_issues(scope), hears_in_scope(scope)(hint)) == (True, True)
    assert issue in queue_page(scope, at=NOW).rows
    assert move(issue, "sign", town.people.community_leader).version == issue.version + 1


def test_a_department_goes_on_seeing_what_it_once_held(cast: Cast, town: Town) -> None:
    scope = scope_of(town.people.handler.id, NOW)
    issue = move(cast["rubble"], "return", town.people.handler, "不属于城管职责")
    assert issue.holder_department is None
    assert issue in visible_issues(scope)
    assert issue in [row for row in queue_page(scope, at=NOW).rows]


def test_a_handler_sent_to_one_street_sees_the_departments_issues_there_alone(cast: Cast, town: Town) -> None:
    handler = User.objects.create(username="seconded", name="下沉人员")
    post(handler, town.other_street, Role.HANDLER, department=town.departments.chengguan)
    hint = feed_entry(cast["rubble"], "x")
    elsewhere = scope_of(handler.id, NOW)
    assert (list(visible_issues(elsewhere)), hears_in_scope(elsewhere)(hint)) == ([], False)
    post(handler, town.street, Role.HANDLER, department=town.departments.chengguan)
    here = scope_of(handler.id, NOW)
    assert (list(visible_issues(here)), hears_in_scope(here)(hint)) == ([cast["rubble"]], True)


def test_a_post_counts_from_its_first_day_to_the_day_before_its_last(cast: Cast, town: Town) -> None:
    person = User.objects.create(username="dated", name="有期")
    post(person, town.district, Role.VIEWER, since=NOW.date(), until=NOW.date().replace(day=20))
    seen = [visible_issues(scope_of(person.id, NOW.replace(day=day))).count() for day in (17, 18, 19, 20)]
    assert seen == [0, 3, 3, 0]


def test_photos_are_private_and_small_on_demand(cast: Cast, town: Town) -> None:
    browser = signed_in(town.people.leader)
    path = f"/photo/{cast['rubble'].photos.get().id}/"
    whole: Any = browser.get(path)
    assert whole["Content-Type"] == "image/jpeg"
    assert whole["Cache-Control"] == "private, no-cache"
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert b"".join(whole.streaming_content).startswith(b"\xff\xd8")
    assert browser.get(f"{path}?size=small").status_code == 200


def test_a_kept_photo_is_shown_again_only_to_who_may_still_see_it(cast: Cast, town: Town) -> None:
    browser = signed_in(town.people.viewer)
    path = f"/photo/{cast['rubble'].photos.get().id}/"
    kept = {"If-None-Match": browser.get(path)["ETag"]}
    again = browser.get(path, headers=kept)
    assert (again.status_code, again.content, again["Cache-Control"]) == (304, b"", "private, no-cache")
    assert again["ETag"] == kept["If-None-Match"]
    assert browser.get(f"{path}?size=small", headers=kept).status_code == 200
    assert client(town.people.viewer).get(f"/api/v1{path.replace('photo', 'photos')}", headers=kept).status_code == 304
    end_posts(town.district, Role.VIEWER)
    assert browser.get(path, headers=kept).status_code == 404


def test_issues_cannot_be_changed_in_the_admin(cast: Cast, town: Town) -> None:
    browser = Client()
    post(town.people.admin, town.city, Role.DUTY_CHIEF)
    assert browser.login(username=town.people.admin.username, password=PASSWORD)
    url = f"/admin/issues/issue/{cast['rubble'].id}"
    page = browser.get(f"{url}/change/")
    assert page.status_code == 200
    assert not re.search(r'name="(state|text|_save)"', page.content.decode())
    for refused in (browser.post(f"{url}/change/", {"state": "concluded"}), browser.post(f"{url}/delete/")):
        assert refused.status_code == 403
    assert browser.get("/admin/issues/issue/add/").status_code == 403
    for words in (cast["rubble"].number, "有情况", "x-y", "%", "99999999999999999999"):
        assert browser.get("/admin/issues/issue/", {"q": words}).status_code == 200
    assert cast["rubble"].number in browser.get("/admin/issues/issue/", {"q": cast["rubble"].number}).content.decode()


def test_the_export_is_harmless_in_a_spreadsheet(cast: Cast, town: Town) -> None:
    Issue.objects.filter(pk=cast["rubble"].pk).update(text='=HYPERLINK("http://x","y"),\n"z"')
    Issue.objects.filter(pk=cast["noise"].pk).update(text="＝1+1")
    answer: Any = signed_in(town.people.community_leader).get("/issues.csv")
    assert answer["Content-Disposition"].startswith("attachment")
    content = b"".join(answer.streaming_content).decode()
    assert content.startswith("\ufeffNumber,State,Category,Text,")
    rows = list(csv.reader(io.StringIO(content)))
    assert sorted(row[3] for row in rows[1:]) == ['\'=HYPERLINK("http://x","y"),\n"z"', "'＝1+1"]
    assert {len(row) for row in rows} == {15}
