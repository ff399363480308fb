"""Pages for what went wrong: in both languages, with the right status, without a database."""

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client, RequestFactory

from apps.common import errors
from tests.factories import Town


@pytest.mark.parametrize("status", sorted(errors.TROUBLES))
def test_every_trouble_is_told_in_both_languages_and_says_what_to_do(status: int) -> None:
    page = errors.trouble_page(RequestFactory().get("/x"), status)
    text = page.content.decode()
    trouble = errors.TROUBLES[status]
    assert page.status_code == status
    assert str(trouble.title) in text and 'lang="zh-Hans"' in text and 'lang="en"' in text
    assert text.count("<h1") == 1


def test_the_readers_language_comes_first(db: None) -> None:
    english = Client(headers={"accept-language": "en"}).get("/nowhere/").text
    chinese = Client().get("/nowhere/").text
    assert english.index("Nothing is kept") < english.index("这个地址没有内容")
    assert chinese.index("这个地址没有内容") < chinese.index("Nothing is kept")


def test_size_and_nonsense_are_told_apart() -> None:
    request = RequestFactory().post("/x")
    assert errors.bad_request(request, RequestDataTooBig()).status_code == 413
    assert errors.bad_request(request, SuspiciousOperation()).status_code == 400


def test_a_broken_view_shows_a_calm_page_with_a_code(
    town: Town, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("inner words that nobody should read")

    monkeypatch.setattr("apps.field.views.home.home_of", fail)
    client.raise_request_exception = False
    client.force_login(town.people.leader)
    answer = client.get("/m/", headers={"x-request-id": "seen-by-the-reader-1"})
    assert answer.status_code == 500
    assert "系统出了问题" in answer.text and "Something broke on our side" in answer.text
    assert "seen-by-the-reader-1" in answer.text and "inner words" not in answer.text


def test_the_calm_page_needs_no_database(town: Town, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_arguments: object, **_options: object) -> None:
        raise OperationalError("server closed the connection")

    client.force_login(town.people.leader)
    client.raise_request_exception = False
    with monkeypatch.context() as while_it_is_gone:
        while_it_is_gone.setattr(CursorWrapper, "execute", gone)
        answer = client.get("/m/")
    assert answer.status_code == 503
    assert "数据库暂时没有响应" in answer.text and "The database does not answer" in answer.text
