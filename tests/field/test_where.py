"""The kind question: in which cell is it? Everything typed and every photo is kept until it is answered."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client

from apps.field.models import DraftPhoto, ReportDraft
from apps.issues.models import Issue, Photo, PositionSource
from tests.factories import NOW, Town
from tests.field.forms import at, filled
from tests.field.photos import photo

OUTSIDE = {"lon": "112.9", "lat": "34.0", "accuracy": "20"}


def asked(phone: Client, data: dict[str, object]) -> str:
    answer = phone.post("/m/report", data)
    assert answer.status_code == 302
    return str(answer["Location"])


def test_a_position_in_somebody_elses_cell_is_asked_about_own_cell_first(town: Town, phone: Client) -> None:
    page = phone.get(asked(phone, filled(town, **at(town.next_cell), photos=[photo()]))).text
    assert "手机定位在园田社区第八网格" in page
    own = page.index(f'value="{town.cell.id}"')
    near = page.index(f'value="{town.next_cell.id}"')
    assert own < near
    assert "您在这里" in page and "门口有建筑垃圾" in page
    assert DraftPhoto.objects.count() == 1 and not Issue.objects.exists()


def test_the_answer_files_it_with_the_photos(town: Town, phone: Client) -> None:
    place = asked(phone, filled(town, **at(town.next_cell), photos=[photo()]))
    answer = phone.post(place, {"grid": str(town.next_cell.id)})
    issue = Issue.objects.get()
    assert answer["Location"] == f"/m/report/done/{issue.number}/"
    assert (issue.grid, issue.position_source) == (town.next_cell, PositionSource.GPS)
    assert Photo.objects.filter(issue=issue).count() == 1
    assert not ReportDraft.objects.exists()


def test_the_chosen_cell_counts_and_a_far_position_is_dropped(town: Town, phone: Client) -> None:
    place = asked(phone, filled(town, **at(town.far_cell)))
    phone.post(place, {"grid": str(town.cell.id)})
    issue = Issue.objects.get()
    assert (issue.grid, issue.lon, issue.position_source) == (town.cell, None, PositionSource.CELL)


def test_outside_the_city_is_told_with_the_nearest_cell(town: Town, phone: Client) -> None:
    page = phone.get(asked(phone, filled(town, **OUTSIDE))).text
    assert ("园田社区第九网格" in page and "千米" in page) or "km" in page or "公里" in page


def test_a_cell_is_found_by_name_code_and_initials(town: Town, phone: Client) -> None:
    place = asked(phone, filled(town, grid="other"))
    for words in ("西福民", town.far_cell.code):
        page = phone.get(place, {"q": words}).text
        assert f'value="{town.far_cell.id}"' in page
    assert "没有叫" in phone.get(place, {"q": "月球"}).text


@pytest.mark.parametrize("words", ["x" * 5000, "nul\x00", "<script>alert(1)</script>", "%", "'; DROP TABLE", "_"])
def test_a_search_for_nonsense_finds_nothing_and_breaks_nothing(town: Town, phone: Client, words: str) -> None:
    answer = phone.get(asked(phone, filled(town, grid="other")), {"q": words})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize("grid", ["", "x", "-1", "9" * 30, "1.5", "١٢", "\x00"])
def test_no_cell_of_that_kind_is_asked_again(town: Town, phone: Client, grid: str) -> None:
    answer = phone.post(asked(phone, filled(town, grid="other")), {"grid": grid})
    assert answer.status_code == 422
    assert "没有这个网格" in answer.text
    assert not Issue.objects.exists()


def test_only_level_three_cells_are_an_answer(town: Town, phone: Client) -> None:
    answer = phone.post(asked(phone, filled(town, grid="other")), {"grid": str(town.street.id)})
    assert answer.status_code == 422


def test_a_second_press_leads_to_the_same_number(town: Town, phone: Client) -> None:
    place = asked(phone, filled(town, grid="other", photos=[photo()]))
    first = phone.post(place, {"grid": str(town.cell.id)})
    second = phone.post(place, {"grid": str(town.cell.id)})
    assert first["Location"] == second["Location"]
    assert phone.get(place)["Location"] == first["Location"]
    assert Issue.objects.count() == 1


def test_nobody_else_sees_a_draft_or_its_photos(town: Town, phone: Client, client: Client) -> None:
    place = asked(phone, filled(town, grid="other", photos=[photo()]))
    picture = f"/m/report/photo/{ReportDraft.objects.get().key}/{DraftPhoto.objects.get().id}/"
    mine = phone.get(picture)
    assert (mine.status_code, mine["Content-Type"]) == (200, "image/jpeg")
    client.force_login(town.people.member)
    assert client.get(picture).status_code == 404
    assert client.get(place)["Location"] == "/m/report"


def test_a_draft_is_gone_after_a_day(town: Town, phone: Client) -> None:
    with time_machine.travel(NOW, tick=False):
        place = asked(phone, filled(town, grid="other"))
    with time_machine.travel(NOW + timedelta(hours=25), tick=False):
        answer = phone.get(place, follow=True)
        assert "已清除" in answer.text
        asked(phone, filled(town, grid="other", key="f" * 32))
    assert ReportDraft.objects.count() == 1


def test_a_person_keeps_five_drafts_at_most(town: Town, phone: Client) -> None:
    for number in range(8):
        asked(phone, filled(town, grid="other", key=f"{number}" * 32))
    assert sorted(ReportDraft.objects.values_list("key", flat=True)) == [f"{number}" * 32 for number in range(3, 8)]


def test_the_phone_learns_the_name_of_its_cell(town: Town, phone: Client) -> None:
    lon, lat = at(town.cell)["lon"], at(town.cell)["lat"]
    assert phone.post("/m/locate", {"lon": lon, "lat": lat}).json() == {
        "sentence": "您在园田社区第九网格。",
        "is_own": True,
    }
    assert phone.post("/m/locate", OUTSIDE).json()["is_own"] is False
    assert phone.get("/m/locate").status_code == 405


@pytest.mark.parametrize("lon", ["NaN", "inf", "x", "", "1e999"])
def test_a_position_that_is_none_has_no_name(town: Town, phone: Client, lon: str) -> None:
    assert phone.post("/m/locate", {"lon": lon, "lat": "34"}).status_code == 400
