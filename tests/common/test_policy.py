"""One Content-Security-Policy for every answer, with every directive of the settings."""

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.common.policy import PolicyMiddleware

HEADER = "Content-Security-Policy"


def test_the_policy_of_the_settings_is_sent() -> None:
    response = PolicyMiddleware(lambda _request: HttpResponse())(RequestFactory().get("/"))
    assert set(response.headers[HEADER].split("; ")) == {
        *("default-src 'self'", "img-src 'self' data: blob:", "object-src 'none'"),
        *("frame-ancestors 'none'", "form-action 'self'", "base-uri 'self'"),
    }


def test_a_view_that_sets_its_own_keeps_it() -> None:
    def strict(_request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={HEADER: "default-src 'none'"})

    assert PolicyMiddleware(strict)(RequestFactory().get("/")).headers[HEADER] == "default-src 'none'"
