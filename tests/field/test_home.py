"""The phone's first page, one's own reports, and the way to the home screen."""

from datetime import timedelta

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.common import clock
from apps.issues.models import Issue
from apps.issues.services.filing import Report, file_report
from apps.staff.models import User
from tests.factories import Town
from tests.issues.test_moves import fed_back, move


def report(town: Town, reporter: User, **changes: object) -> Issue:
    what = Report(category_id=town.categories.rubbish.id, grid_id=town.cell.id, **changes)  # type: ignore[arg-type]
    return file_report(reporter=reporter, report=what, now=clock.now()).issue


def test_it_says_who_and_where(town: Town, phone: Client) -> None:
    page = phone.get("/m/").text
    assert "王长顺" in page and "园田社区第九网格" in page
    assert "没有待办任务" in page and "您还没有上报过问题" in page


def test_it_counts_what_the_leader_holds_with_the_lamp_of_the_first(town: Town, phone: Client) -> None:
    report(town, town.people.member)
    report(town, town.people.member)
    page = phone.get("/m/").text
    assert '<span class="big num">2</span>' in page
    assert "lamp-ok" in page and 'href="/t/"' in page


def test_it_shows_the_five_newest_of_ones_own_reports(town: Town, phone: Client) -> None:
    numbers = [report(town, town.people.leader).number for _ in range(6)]
    other = report(town, town.people.member).number
    page = phone.get("/m/").text
    assert all(number in page for number in numbers[1:])
    assert numbers[0] not in page and other not in page


def test_it_gives_the_number_of_the_leader_above_and_of_the_district(town: Town, phone: Client) -> None:
    User.objects.filter(pk=town.people.community_leader.pk).update(phone="037165550001")
    User.objects.filter(pk=town.people.dispatcher.pk).update(phone="037165550002")
    page = phone.get("/m/").text
    assert 'href="tel:037165550001"' in page and 'href="tel:037165550002"' in page


def test_it_takes_a_fixed_number_of_queries(town: Town, phone: Client) -> None:
    phone.get("/m/")

    def spent() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert phone.get("/m/").status_code == 200
        return len(queries)

    empty = spent()
    for _ in range(7):
        report(town, town.people.leader)
    assert spent() <= empty + 1  # the tree's version is looked up once a second
    assert empty <= 11


def test_somebody_without_a_post_sees_a_page_too(town: Town, client: Client) -> None:
    client.force_login(town.people.stranger)
    assert "目前没有岗位" in client.get("/m/").text


def test_ones_own_report_shows_its_history(town: Town, phone: Client) -> None:
    issue = report(town, town.people.leader, text="门口有建筑垃圾")
    page = phone.get(f"/m/issue/{issue.number}/").text
    assert "门口有建筑垃圾" in page and "王长顺" in page and 'class="timeline"' in page


def test_a_report_that_one_may_not_see_looks_like_none(town: Town, client: Client) -> None:
    issue = report(town, town.people.leader)
    client.force_login(town.people.far_leader)
    assert client.get(f"/m/issue/{issue.number}/").status_code == 404
    client.force_login(town.people.member)
    assert client.get(f"/m/issue/{issue.number}/").status_code == 200
    assert client.get(f"/m/report/done/{issue.number}/").status_code == 404  # not the one who filed it
    wrong_day = f"{issue.filed_at + timedelta(days=2):%Y%m%d}-{issue.id:06d}"
    assert client.get(f"/m/issue/{wrong_day}/").status_code == 404


def test_it_can_be_put_on_the_home_screen(db: None, client: Client) -> None:
    answer = client.get("/m/manifest.json")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert (manifest["start_url"], manifest["short_name"], manifest["display"]) == ("/m/", "网格", "standalone")
    english = client.get("/m/manifest.json", headers={"accept-language": "en"}).json()
    assert english["short_name"] == "Grid"


def test_the_reporter_says_how_it_was_done_on_the_phone(town: Town, phone: Client) -> None:
    issue = move(fed_back(town), "conclude", town.people.dispatcher)
    page = phone.get(f"/m/issue/{issue.number}/").text
    assert f'action="/i/{issue.number}/evaluate/"' in page
    assert f'action="/i/{issue.number}/reopen/"' in page
    sent = {"version": issue.version, "next": f"/m/issue/{issue.number}/", "score": "5", "is_satisfied": "yes"}
    answer = phone.post(f"/i/{issue.number}/evaluate/", sent)
    assert (answer.status_code, answer["Location"]) == (302, f"/m/issue/{issue.number}/")
    page = phone.get(f"/m/issue/{issue.number}/").text
    assert "满分 5 分" in page
    assert f'action="/i/{issue.number}/evaluate/"' not in page
