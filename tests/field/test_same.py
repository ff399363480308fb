"""Is it one of these? Asked before something is filed that seems to be reported already; no answer costs a photo."""

from typing import Any

import pytest
from django.test import Client

from apps.common import clock
from apps.field.models import ReportDraft
from apps.issues.models import Issue, Photo, Support
from apps.issues.services.moves import MoveFields, make_move
from tests.dispatch.scenes import filed
from tests.factories import Town
from tests.field.forms import at, filled
from tests.field.photos import photo

pytestmark = pytest.mark.usefixtures("hints")


@pytest.fixture
def rubble(town: Town) -> Issue:
    """The grid member's report, an hour old or less."""
    return filed(town, reporter=town.people.member, now=clock.now(), text="西门有建筑垃圾")


def asked(phone: Client, data: dict[str, object]) -> str:
    answer = phone.post("/m/report", data)
    assert answer.status_code == 302
    return str(answer["Location"])


def ref_in(page: str) -> str:
    return page.split('name="same" value="')[1].split('"')[0]


def test_what_looks_reported_is_asked_about_and_nothing_is_filed_yet(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town, photos=[photo()]))
    assert place == f"/m/report/same/{'0' * 31}1/"
    page = phone.get(place).text
    assert "西门有建筑垃圾" in page and "门口有建筑垃圾" in page
    assert Issue.objects.count() == 1 and ReportDraft.objects.count() == 1


def test_the_same_is_supported_with_words_and_photos(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town, photos=[photo()]))
    answer = phone.post(place, {"same": ref_in(phone.get(place).text)})
    assert answer["Location"] == "/m/supported/"
    assert Support.objects.get().issue == rubble
    assert Photo.objects.get().issue == rubble
    assert rubble.events.get(kind="support").payload["text"] == "门口有建筑垃圾"
    assert Issue.objects.count() == 1 and not ReportDraft.objects.exists()
    page = phone.get("/m/supported/").text
    assert "建筑垃圾" in page and rubble.number not in page
    assert "/m/supported/" in phone.get("/m/").text


def test_another_one_is_filed_with_its_photos(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town, photos=[photo()]))
    answer = phone.post(place, {"same": ""})
    mine = Issue.objects.exclude(pk=rubble.pk).get()
    assert answer["Location"] == f"/m/report/done/{mine.number}/"
    assert Photo.objects.get().issue == mine
    assert not Support.objects.exists()


def test_a_position_and_a_cell_chosen_afterwards_are_asked_about_too(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town, **at(town.next_cell)))
    assert "/where/" in place
    answer = phone.post(place, {"grid": str(town.cell.id)})
    assert "/same/" in answer["Location"]
    phone.post(answer["Location"], {"same": ""})
    assert Issue.objects.exclude(pk=rubble.pk).get().grid == town.cell


def test_the_second_press_of_either_answer_does_no_harm(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town))
    ref = ref_in(phone.get(place).text)
    first, second = phone.post(place, {"same": ref}), phone.post(place, {"same": ref})
    assert first["Location"] == second["Location"] == "/m/supported/"
    assert Support.objects.count() == 1
    place = asked(phone, filled(town, key="0" * 31 + "2"))
    first, second = phone.post(place, {"same": ""}), phone.post(place, {"same": ""})
    assert first["Location"] == second["Location"]
    assert Issue.objects.count() == 2


def test_the_same_form_sent_again_leads_to_its_number_and_asks_nothing(town: Town, phone: Client) -> None:
    first = asked(phone, filled(town))
    assert asked(phone, filled(town)) == first
    assert Issue.objects.count() == 1


def test_an_own_report_is_shown_as_such(town: Town, phone: Client) -> None:
    asked(phone, filled(town))
    page = phone.get(asked(phone, filled(town, key="0" * 31 + "2"))).text
    assert "您自己上报过" in page
    assert 'name="same" value="">' in page and page.count('name="same"') == 1


@pytest.mark.parametrize("sent", [{"is_solved": "on", "result": "已清扫"}, {"is_urgent": "on"}])
def test_danger_and_what_is_solved_are_not_asked_about(
    town: Town, phone: Client, rubble: Issue, sent: dict[str, str]
) -> None:
    assert "/done/" in asked(phone, filled(town, **sent))


def test_what_is_grave_is_not_asked_about(town: Town, phone: Client) -> None:
    filed(town, reporter=town.people.member, now=clock.now(), category="fire")
    assert "/done/" in asked(phone, filled(town, category=town.categories.fire.code))


def test_a_form_left_at_a_question_is_named_on_the_first_page(town: Town, phone: Client, rubble: Issue) -> None:
    assert "还没有报完" not in phone.get("/m/").text
    same = asked(phone, filled(town))
    where = asked(phone, filled(town, key="0" * 31 + "2", **at(town.next_cell)))
    page = phone.get("/m/").text
    assert page.count("还没有报完") == 2
    assert same in page and where in page
    phone.post(same, {"same": ""})
    assert phone.get("/m/").text.count("还没有报完") == 1


def test_what_ended_meanwhile_is_told_and_can_be_sent_as_new(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town))
    ref = ref_in(phone.get(place).text)
    make_move(
        move="cancel",
        issue_id=rubble.pk,
        version=rubble.version,
        actor=town.people.dispatcher,
        fields=MoveFields(text="重复录入"),
        now=clock.now(),
    )
    answer = phone.post(place, {"same": ref})
    assert answer.status_code == 409
    assert "那件问题已经办结或不再受理，请作为新的问题上报。" in answer.text
    phone.post(place, {"same": ""})
    assert Issue.objects.count() == 2


@pytest.mark.parametrize("ref", ["x", "é", "\x00", "x" * 5000, "<script>"])
def test_a_broken_answer_files_and_supports_nothing_by_mistake(
    town: Town, phone: Client, rubble: Issue, ref: str
) -> None:
    place = asked(phone, filled(town))
    answer = phone.post(place, {"same": ref})
    assert answer.status_code in (409, 422)
    assert Issue.objects.count() == 1 and not Support.objects.exists()
    assert ReportDraft.objects.exists()


def test_nobody_answers_somebody_elses_question(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town))
    other = Client()
    other.force_login(town.people.next_leader)
    assert "/same/" not in other.get(place)["Location"]
    assert Client().get(place)["Location"].startswith("/login/")


def test_the_list_has_an_end(town: Town, phone: Client) -> None:
    rows = [filed(town, reporter=town.people.member, now=clock.now()) for _ in range(23)]
    Support.objects.bulk_create(Support(issue=row, user=town.people.leader, created_at=clock.now()) for row in rows)
    first = phone.get("/m/supported/").text
    assert first.count('class="item"') == 20
    before = first.split("?before=")[1].split('"')[0]
    assert phone.get("/m/supported/", {"before": before}).text.count('class="item"') == 3
    assert phone.get("/m/supported/", {"before": "nonsense"}).status_code == 200


def test_a_broken_answer_shows_the_question_again(town: Town, phone: Client, rubble: Issue) -> None:
    place = asked(phone, filled(town))
    page: Any = phone.post(place, {"same": "x"})
    assert "西门有建筑垃圾" in page.text
