"""Programs go past what only pages need; pages and sessions lose nothing."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from rest_framework.authtoken.models import Token

from apps.common.lanes import PageHtmx, PageMessages, PageSessions, is_program
from tests.factories import Town

TOKEN = {"Authorization": "Token 0123456789"}


def passed_through(path: str, headers: dict[str, str]) -> HttpRequest:
    seen: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    PageSessions(PageMessages(PageHtmx(answer)))(RequestFactory().get(path, headers=headers))
    return seen[0]


def test_a_program_with_its_token_has_no_session() -> None:
    request = passed_through("/api/v1/issues/", TOKEN)
    assert is_program(request)
    assert not any(hasattr(request, name) for name in ("session", "_messages", "htmx"))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/board/", TOKEN),
        ("/apiary/", TOKEN),
        ("/api/v1/issues/", {}),
        ("/api/v1/issues/", {**TOKEN, "Cookie": "sessionid=x"}),
    ],
)
def test_everybody_else_has_one(path: str, headers: dict[str, str]) -> None:
    request = passed_through(path, headers)
    assert all(hasattr(request, name) for name in ("session", "_messages", "htmx"))


def answer_of(client: Client, path: str, **more: Any) -> Any:
    return client.get(path, **more)


def test_a_program_gets_the_same_answer_and_the_same_protection_as_a_page(town: Town) -> None:
    token = Token.objects.create(user=town.people.member)
    program = answer_of(Client(), "/api/v1/categories/", headers={"Authorization": f"Token {token.key}"})
    page = Client()
    page.force_login(town.people.member)
    person = answer_of(page, "/api/v1/categories/")
    assert program.status_code == person.status_code == 200
    assert program.content == person.content
    for name in (
        *("Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy"),
        *("Cross-Origin-Opener-Policy", "Content-Language"),
    ):
        assert program.headers[name] == person.headers[name]


@pytest.mark.parametrize("credentials", ["Token wrong", "Token", "Basic eDp5", "Bearer x"])
def test_wrong_credentials_without_a_session_are_refused(town: Town, credentials: str) -> None:
    assert answer_of(Client(), "/api/v1/issues/", headers={"Authorization": credentials}).status_code == 401


def test_wrong_credentials_beside_a_session_do_not_spare_the_forgery_check(town: Town) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(town.people.member)
    sent = browser.post("/api/v1/issues/", {}, "application/json", headers={"Authorization": "Bearer x"})
    assert sent.status_code == 403


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nothing/", "/api/v2/issues/"])
def test_every_other_address_of_the_api_is_nowhere(town: Town, path: str) -> None:
    token = Token.objects.create(user=town.people.member)
    sent = answer_of(Client(), path, headers={"Authorization": f"Token {token.key}"})
    assert (sent.status_code, sent.json()["error"]["code"]) == (404, "not_found")
