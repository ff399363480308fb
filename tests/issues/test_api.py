"""The API: filing with a key, lists, moves, photos, errors; and the schema it promises."""

import io
import json
import threading
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image
from rest_framework import serializers
from rest_framework.authtoken.models import Token

from apps.issues.api.errors import answer
from apps.issues.models import Issue, IssueEvent, Photo
from apps.issues.serializers import CategoryOut, DetailOut, PageOut, ReceiptOut
from apps.issues.services.routing import route_waiting
from apps.staff.models import User
from tests.factories import NOW, PASSWORD, Town, build_town, inside
from tests.issues.test_moves import assigned, fed_back, filed, handled

URL = "/api/v1/issues/"


def client(person: User, **headers: str) -> Client:
    """A program with the person's token."""
    token, _created = Token.objects.get_or_create(user=person)
    return Client(headers={"Authorization": f"Token {token.key}", "Accept-Language": "en", **headers})


def body(town: Town, **changes: Any) -> dict[str, Any]:
    lon, lat = inside(town.cell)
    return {"category": "070101", "text": "门口有建筑垃圾", "lon": lon, "lat": lat, "accuracy_m": 12.5} | changes


def post(town: Town, who: User | None = None, key: str | None = None, **changes: Any) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client(who or town.people.leader).post(
        URL, json.dumps(body(town, **changes)), content_type="application/json", headers=headers
    )


def picture(name: str = "a.jpg", size: tuple[int, int] = (64, 48), color: str = "red") -> SimpleUploadedFile:
    """A small photo to upload."""
    written = io.BytesIO()
    Image.new("RGB", size, color).save(written, "JPEG")
    return SimpleUploadedFile(name, written.getvalue(), content_type="image/jpeg")


@pytest.fixture
def media(settings: Any, tmp_path: Any) -> Any:
    """An empty place for photos."""
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def test_a_report_is_filed_and_can_be_read_where_the_receipt_says(town: Town) -> None:
    answer = post(town)
    assert answer.status_code == 201, answer.content
    receipt = answer.json()
    lon, lat = inside(town.cell)
    assert receipt | {"filed_at": "", "number": "", "url": ""} == {
        "number": "",
        "url": "",
        "filed_at": "",
        "cell": {"code": town.cell.code, "name": "园田社区第九网格"},
        "category": {"code": "070101", "name": "Building rubble"},
        "text": "门口有建筑垃圾",
        "position": {"lon": lon, "lat": lat, "accuracy_m": 12.5, "source": "gps"},
        "notice": "",
    }
    found = client(town.people.leader).get(receipt["url"])
    assert found.status_code == 200
    assert (found.json()["number"], found.json()["version"]) == (receipt["number"], 1)
    assert [event["kind"] for event in found.json()["events"]] == ["file"]


def test_a_replay_gives_200_with_the_very_same_body_also_after_the_issue_has_moved(town: Town) -> None:
    first = post(town, key="k-1")
    route_waiting(now=NOW)
    again = post(town, key="k-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert Issue.objects.count() == 1


def test_a_grave_matter_said_to_be_solved_is_filed_with_a_notice(town: Town) -> None:
    sent: dict[str, Any] = {"category": town.categories.fire.code, "is_self_handled": True, "result": "已扑灭"}
    first, again = (post(town, key="k-1", **sent) for _ in range(2))
    assert (first.status_code, again.status_code, again.content) == (201, 200, first.content)
    assert "will check it" in first.json()["notice"]
    assert Issue.objects.get().closed_at is None


def test_the_same_key_with_another_body_gives_409(town: Town) -> None:
    post(town, key="k-1")
    answer = post(town, key="k-1", text="别的")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "key_reused"
    assert Issue.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_posts_at_once_under_one_key_one_files() -> None:
    town = build_town()
    answers: list[Any] = []
    start = threading.Barrier(4)

    def send() -> None:
        start.wait()
        answers.append(post(town, key="k-1"))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.content for answer in answers}) == 1
    assert Issue.objects.count() == IssueEvent.objects.filter(kind="file").count() == 1


def test_filing_takes_one_query_for_the_token_and_one_statement(town: Town) -> None:
    sender, sent = client(town.people.leader), json.dumps(body(town))
    sender.post(URL, sent, content_type="application/json")
    with CaptureQueriesContext(connection) as queries:
        assert sender.post(URL, sent, content_type="application/json").status_code == 201
    assert [query["sql"].split()[0] for query in queries] == ["EXECUTE", "EXECUTE"]


def test_photos_come_with_the_report(town: Town, media: Any) -> None:
    answer = client(town.people.leader).post(URL, body(town) | {"photos": [picture(), picture("b.jpg", color="blue")]})
    assert answer.status_code == 201, answer.content
    found = client(town.people.leader).get(answer.json()["url"]).json()
    assert [(photo["stage"], photo["width"], photo["height"]) for photo in found["photos"]] == [("report", 64, 48)] * 2
    shown = client(town.people.leader).get(found["photos"][0]["url"] + "?size=small")
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert client(town.people.far_leader).get(found["photos"][0]["url"]).status_code == 404


def test_the_same_photo_and_key_file_once(town: Town, media: Any) -> None:
    sender = client(town.people.leader, **{"Idempotency-Key": "k-2"})
    first = sender.post(URL, body(town) | {"photos": [picture()]})
    again = sender.post(URL, body(town) | {"photos": [picture()]})
    other = sender.post(URL, body(town) | {"photos": [picture(color="blue")]})
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert Photo.objects.count() == 1
    assert len([file for file in media.rglob("*.jpg")]) == 2  # the photo and its small copy


def test_a_refused_report_leaves_no_file_behind(town: Town, media: Any) -> None:
    answer = client(town.people.leader).post(URL, body(town, category="x") | {"photos": [picture()]})
    assert answer.status_code == 400
    assert list(media.rglob("*.jpg")) == []


def test_the_list_goes_on_by_cursor(town: Town) -> None:
    made = [filed(town).number for _ in range(5)]
    seen: list[str] = []
    url = f"{URL}?size=2"
    asker = client(town.people.dispatcher)
    while url:
        page = asker.get(url).json()
        seen += [row["number"] for row in page["results"]]
        url = f"{URL}?size=2&cursor={page['next']}" if page["next"] else ""
    assert seen == made[::-1]


def test_the_list_takes_as_many_queries_with_one_row_as_with_three(town: Town) -> None:
    asker = client(town.people.dispatcher)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert asker.get(URL).json()["results"]
        return len(captured)

    assigned(town)
    one = queries()
    assigned(town), assigned(town)
    assert queries() == one == 4


def test_the_list_is_filtered(town: Town) -> None:
    rubble, lamp, far = filed(town), filed(town, "lamp", town.other_cell), filed(town, "shop", town.far_cell)
    asker = client(town.people.city_dispatcher)

    def found(query: str) -> list[str]:
        answer = asker.get(f"{URL}?{query}")
        assert answer.status_code == 200, answer.content
        return [row["number"] for row in answer.json()["results"]]

    assert found("") == [far.number, lamp.number, rubble.number]
    assert found("state=assigned") == [lamp.number]
    assert found(f"district={town.other_district.code}") == [far.number]
    assert found("category=070101") == [rubble.number]
    assert found("overdue=false") == []  # filed days ago
    assert found("overdue=true") == [far.number, lamp.number, rubble.number]
    assert found("q=西福民") == [far.number]


@pytest.mark.parametrize(
    "query",
    [
        "state=x",
        "district=1",
        "category=x",
        "overdue=perhaps",
        "cursor=x",
        "size=0",
        "size=x",
        "q=%00",
        "q=" + "a" * 99,
    ],
)
def test_a_bad_filter_is_refused(town: Town, query: str) -> None:
    answer = client(town.people.dispatcher).get(f"{URL}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def move(who: User, issue: Issue, name: str, **sent: Any) -> Any:
    return client(who).post(f"{URL}{issue.number}/moves/{name}/", json.dumps(sent), content_type="application/json")


def test_the_whole_way_by_the_api(town: Town, media: Any) -> None:
    issue = filed(town)
    answer = move(town.people.dispatcher, issue, "sign", version=issue.version)
    assert answer.status_code == 200, answer.content
    version = answer.json()["version"]
    department = town.departments.chengguan.code
    answer = move(town.people.dispatcher, issue, "assign", version=version, department=department, text="请今天清运")
    assert (answer.json()["state"], answer.json()["holder"]) == ("assigned", "Jinshui Urban Management")
    answer = move(town.people.handler, issue, "sign", version=answer.json()["version"])
    answer = client(town.people.handler).post(
        f"{URL}{issue.number}/moves/feed_back/",
        {"version": answer.json()["version"], "text": "已清运", "photos": [picture()]},
    )
    assert answer.status_code == 200, answer.content
    assert [photo["stage"] for photo in answer.json()["photos"]] == ["result"]
    answer = move(town.people.dispatcher, issue, "conclude", version=answer.json()["version"])
    assert answer.json()["state"] == "concluded"
    assert {one["name"] for one in answer.json()["moves"]} == {"evaluate", "reopen"}
    answer = move(town.people.leader, issue, "evaluate", version=answer.json()["version"], score=5, is_satisfied=True)
    assert answer.json()["state"] == "evaluated", answer.content


def test_who_comes_late_gets_409_and_what_happened(town: Town) -> None:
    issue = filed(town)
    move(town.people.dispatcher, issue, "sign", version=issue.version)
    answer = move(town.people.second_dispatcher, issue, "sign", version=issue.version)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["version"]) == (409, "stale_version", issue.version + 1)
    assert [event["sentence"] for event in error["events"]] == ["陈派遣 signed for it at 金水区"]


def test_a_move_that_is_not_possible_says_what_is(town: Town) -> None:
    issue = fed_back(town)
    answer = move(town.people.dispatcher, issue, "sign", version=issue.version)
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "move_refused",
        "message": "“Sign” is not possible: the issue is fed back. "
        "Possible now: Assign, Conclude, Send for rework, Cancel, Note.",
        "possible": ["assign", "conclude", "rework", "cancel", "note"],
    }


def test_moves_are_refused_by_name(town: Town) -> None:
    issue = filed(town)
    version = issue.version
    assert move(town.people.leader, issue, "sign", version=version).status_code == 403
    assert move(town.people.far_dispatcher, issue, "sign", version=version).status_code == 404
    assert move(town.people.dispatcher, issue, "explode", version=version).status_code == 404
    assert move(town.people.dispatcher, issue, "sign").json()["error"]["fields"]["version"]
    wrong: Any
    for wrong in ("1.5", -1, 10**30, True, [], {}, None, "x"):
        assert move(town.people.dispatcher, issue, "sign", version=wrong).status_code == 400
    assert move(town.people.dispatcher, issue, "return", version=version).json()["error"]["code"] == "words_missing"
    no_target = move(town.people.dispatcher, issue, "assign", version=version, text="x")
    assert no_target.json()["error"]["code"] == "target_refused"
    for target in ({"department": "none"}, {"cell": "1"}, {"cell": town.far_cell.code}, {"department": "\x00"}):
        answer = move(town.people.dispatcher, issue, "assign", version=version, text="x", **target)
        assert answer.status_code == 400
    assert Issue.objects.get(pk=issue.pk).version == version


def test_photos_are_added_by_the_reporter_and_the_holder(town: Town, media: Any) -> None:
    issue = handled(town)
    url = f"{URL}{issue.number}/photos/"
    added = client(town.people.leader).post(url, {"photos": [picture()]})
    assert (added.status_code, len(added.json())) == (201, 1)
    again = client(town.people.leader).post(url, {"photos": [picture()]})
    assert len(again.json()) == 1
    result = client(town.people.handler).post(url, {"photos": [picture(color="blue")]})
    assert [photo["stage"] for photo in result.json()] == ["report", "result"]
    assert client(town.people.viewer).post(url, {"photos": [picture()]}).status_code == 403
    assert client(town.people.far_leader).post(url, {"photos": [picture()]}).status_code == 404
    assert client(town.people.leader).post(url, {}).status_code == 400


def test_the_categories_are_listed_with_their_class_and_field(town: Town) -> None:
    rows = client(town.people.leader).get("/api/v1/categories/").json()
    assert [row["code"] for row in rows] == ["070101", "070102", "070103", "070104", "070105"]
    assert rows[0]["group"] == {"code": "0701", "name": "Streets"}
    assert rows[0]["field"] == {"code": "07", "name": "City management"}


def test_names_and_sentences_come_in_the_readers_language(town: Town) -> None:
    chinese = client(town.people.leader, **{"Accept-Language": "zh-hans"})
    assert chinese.get("/api/v1/categories/").json()[0]["name"] == "建筑垃圾"
    assert chinese.get(f"{URL}20200101-000001/").json()["error"]["message"] == "没有这个问题，或您无权查看。"


def test_a_token_is_given_for_number_and_password_and_wrong_tries_are_paused(town: Town) -> None:
    def ask(password: str) -> Any:
        sent = json.dumps({"username": town.people.leader.username, "password": password})
        return Client().post("/api/v1/token/", sent, content_type="application/json")

    token = ask(PASSWORD).json()["token"]
    listed = Client(headers={"Authorization": f"Token {token}"}).get(URL)
    assert listed.status_code == 200
    assert [ask("wrong").status_code for _ in range(5)] == [401] * 5
    assert ask(PASSWORD).status_code == 429


def test_nobody_gets_in_without_a_token_and_every_error_has_one_shape(town: Town) -> None:
    for url in (URL, f"{URL}20200101-000001/", "/api/v1/categories/"):
        answer = Client().get(url)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_authenticated")
    nowhere = Client().get("/api/v2/nothing/")
    assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
    put = client(town.people.leader).put(URL)
    assert (put.status_code, put.json()["error"]["code"]) == (405, "method_not_allowed")


def test_what_nobody_expected_is_logged_and_has_the_same_shape(caplog: pytest.LogCaptureFixture) -> None:
    answered = answer(ZeroDivisionError("x"), {})
    assert (answered.status_code, answered.data["error"]["code"]) == (500, "broken")
    assert "ZeroDivisionError" in caplog.text


def test_a_session_needs_the_csrf_token(town: Town) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(town.people.leader)
    answer = browser.post(URL, json.dumps(body(town)), content_type="application/json")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"


def test_the_schema_is_valid_and_without_warnings(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    assert "/api/v1/issues/{number}/moves/{move}/" in (tmp_path / "schema.yml").read_text()


@pytest.mark.django_db
def test_the_schema_is_served() -> None:
    assert Client().get("/api/schema/").status_code == 200


def shape(serializer: serializers.BaseSerializer[Any], value: Any) -> Any:
    """Names that the schema promises, nested, for as much as the value has."""
    if isinstance(serializer, serializers.ListSerializer):
        child = serializer.child
        assert isinstance(child, serializers.BaseSerializer)
        return [shape(child, one) for one in value]
    assert isinstance(serializer, serializers.Serializer)
    return {
        name: shape(field, value[name]) if isinstance(field, serializers.BaseSerializer) and value.get(name) else ...
        for name, field in serializer.fields.items()
    }


def names(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [names(one) for one in value]
    return {name: names(one) for name, one in value.items()} if isinstance(value, dict) else ...


def test_answers_have_the_shape_that_the_schema_promises(town: Town, media: Any) -> None:
    program = client(town.people.dispatcher)
    receipt = post(town, key="k").json()
    route_waiting(now=NOW)
    program.post(f"{receipt['url']}photos/", {"photos": [picture()]})
    whole = program.get(receipt["url"]).json()
    listed = program.get(URL).json()
    categories = program.get("/api/v1/categories/").json()
    assert whole["photos"] and whole["moves"] and whole["events"]
    for body_sent, promised in (
        (receipt, ReceiptOut()),
        (whole, DetailOut()),
        (listed, PageOut()),
        (categories, CategoryOut(many=True)),
    ):
        assert names(body_sent) == shape(promised, body_sent)
