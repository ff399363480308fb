"""Filing from the phone, without a line of JavaScript."""

import re

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.field.models import DraftPhoto, ReportDraft
from apps.field.selectors.kinds import most_used
from apps.issues.models import Category, Issue, Photo, PositionSource
from apps.issues.services.catalogue import load_catalogue
from tests.factories import Town
from tests.field.forms import at, filled, open_form
from tests.field.photos import photo
from tests.issues.reports import filed


def only_issue() -> Issue:
    return Issue.objects.get()


def test_an_own_cell_and_a_category_are_enough(town: Town, phone: Client) -> None:
    answer = phone.post("/m/report", filled(town, key=open_form(phone), text=""))
    issue = only_issue()
    assert answer["Location"] == f"/m/report/done/{issue.number}/"
    assert (issue.grid, issue.category, issue.reporter) == (town.cell, town.categories.rubbish, town.people.leader)
    assert issue.position_source == PositionSource.CELL


def test_the_next_page_says_the_number_who_has_it_and_until_when(town: Town, phone: Client) -> None:
    page = phone.post("/m/report", filled(town), follow=True).text
    assert only_issue().number in page
    assert "园田社区第九网格 · 王长顺" in page
    assert "时限" in page and "再报一件" in page


def test_a_position_in_the_own_cell_is_kept_with_the_report(town: Town, phone: Client) -> None:
    phone.post("/m/report", filled(town, **at(town.cell)))
    issue = only_issue()
    assert (issue.grid, issue.position_source, issue.accuracy_m) == (town.cell, PositionSource.GPS, 38)
    assert issue.lon == float(at(town.cell)["lon"])


def test_three_photos_are_kept_with_the_report(town: Town, phone: Client) -> None:
    phone.post("/m/report", filled(town, photos=[photo(seed=1), photo(seed=2), photo(seed=3)]))
    assert Photo.objects.filter(issue=only_issue()).count() == 3


def test_a_form_sent_twice_is_filed_once(town: Town, phone: Client) -> None:
    first = phone.post("/m/report", filled(town, photos=[photo()]))
    second = phone.post("/m/report", filled(town, photos=[photo()]))
    assert first["Location"] == second["Location"] == f"/m/report/done/{only_issue().number}/"


def test_a_form_changed_after_filing_leads_to_what_was_filed_and_says_so(town: Town, phone: Client) -> None:
    phone.post("/m/report", filled(town))
    answer = phone.post("/m/report", filled(town, text="另一件事"), follow=True)
    assert only_issue().text == "门口有建筑垃圾"
    assert only_issue().number in answer.text and "已经上报过" in answer.text


def test_solved_on_the_spot_is_concluded_at_once(town: Town, phone: Client) -> None:
    page = phone.post("/m/report", filled(town, is_solved="on", result="已清走"), follow=True).text
    issue = only_issue()
    assert issue.is_self_handled and issue.closed_at is not None
    assert issue.get_state_display() in page


def test_a_grave_matter_said_to_be_solved_is_filed_and_the_page_says_that_it_is_checked(
    town: Town, phone: Client
) -> None:
    sent = filled(town, is_solved="on", result="已扑灭", category=town.categories.fire.code)
    page = phone.post("/m/report", sent, follow=True).text
    assert only_issue().closed_at is None
    assert "由责任单位核实" in page


def test_solved_on_the_spot_needs_a_word_on_how(town: Town, phone: Client) -> None:
    answer = phone.post("/m/report", filled(town, is_solved="on"))
    assert answer.status_code == 422
    assert "请简单写明怎么解决的" in answer.text and 'href="#result"' in answer.text


def test_what_was_typed_and_photographed_survives_a_correction(town: Town, phone: Client) -> None:
    key = open_form(phone)
    answer = phone.post("/m/report", filled(town, key=key, category=None, is_urgent="on", photos=[photo()]))
    assert answer.status_code == 422
    assert "门口有建筑垃圾" in answer.text and 'href="#category"' in answer.text
    assert 'name="is_urgent" checked' in answer.text
    kept = DraftPhoto.objects.get()
    assert f"/m/report/photo/{key}/{kept.id}/" in answer.text
    assert answer.text.count('type="file"') == 2

    phone.post("/m/report", filled(town, key=key))
    assert Photo.objects.filter(issue=only_issue()).count() == 1
    assert not ReportDraft.objects.exists()


def test_a_kind_below_more_stays_chosen_and_in_sight(town: Town, phone: Client) -> None:
    load_catalogue()
    page = phone.get("/m/report").text
    assert 'class="more">' in page
    shown = re.findall(r'value="(\d{6})"', page)
    code = next(code for code in shown[6:] if code not in shown[:6])
    answer = phone.post("/m/report", filled(town, is_solved="on", category=code)).text
    assert f'value="{code}" checked' in answer and 'class="more" open>' in answer
    assert answer.count('class="more-field" open>') == 1


@pytest.mark.parametrize("chosen", ["", "other"])
def test_no_cell_and_no_position_is_a_question_not_a_wall(town: Town, phone: Client, chosen: str) -> None:
    answer = phone.post("/m/report", filled(town, grid=chosen))
    assert answer.status_code == 302 and "/m/report/where/" in answer["Location"]
    assert not Issue.objects.exists()


def test_the_page_takes_few_queries(town: Town, phone: Client) -> None:
    for _ in range(20):
        filed(town, town.categories.lamp)
    phone.get("/m/report")  # caches are warm
    with CaptureQueriesContext(connection) as queries:
        assert phone.get("/m/report").status_code == 200
    # session, person, posts, two counts of what is common; the tree's version at most once a second
    assert len(queries) <= 6, [query["sql"][:90] for query in queries]


def test_filing_through_the_form_takes_few_queries(town: Town, phone: Client) -> None:
    phone.post("/m/report", filled(town, key="a" * 32))
    with CaptureQueriesContext(connection) as queries:
        phone.post("/m/report", filled(town, key="b" * 32))
    spoken = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(spoken) <= 10, [sql[:90] for sql in spoken]


def test_somebody_without_a_post_may_report_too(town: Town, client: Client) -> None:
    client.force_login(town.people.stranger)
    asked = client.post("/m/report", filled(town, grid="", **at(town.cell)))
    assert "/m/report/where/" in asked["Location"]
    answer = client.post(asked["Location"], {"grid": str(town.cell.id)})
    assert only_issue().reporter == town.people.stranger
    assert only_issue().number in answer["Location"]


def test_a_stranger_is_sent_to_sign_in(town: Town, client: Client) -> None:
    for path in "/m/", "/m/report", "/m/report/where/abc/", "/m/issue/20261118-000001/":
        assert client.get(path)["Location"] == f"/login/?next={path}"
    assert not Session.objects.exists()


def test_the_six_tiles_are_what_is_reported_here_in_the_order_of_the_catalogue(town: Town) -> None:
    load_catalogue()
    for category in (town.categories.fire, town.categories.noise):
        filed(town, category)
    filed(town, town.categories.shop, town.far_cell)
    here = [tile.code for tile in most_used([town.cell.id])]
    assert len(here) == 6 and here == sorted(here)
    assert {town.categories.fire.code, town.categories.noise.code, town.categories.shop.code} <= set(here)


def test_what_is_common_here_comes_before_what_is_common_elsewhere(town: Town) -> None:
    load_catalogue()
    local = list(Category.objects.filter(level=3, is_active=True).order_by("-code")[:6])
    for category in local:
        filed(town, category)
    for _ in range(3):
        filed(town, town.categories.shop, town.far_cell)
    assert {tile.code for tile in most_used([town.cell.id])} == {category.code for category in local}
