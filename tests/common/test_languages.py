"""The language of an answer is the one Django would choose, however often it is asked."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.test import RequestFactory
from django.utils.translation import override

from apps.common.languages import LanguageMiddleware

WISHES = [
    *(None, "", "en", "zh-CN,zh;q=0.9", "zh", "zh-TW", "en-GB,zh;q=0.5", "fr,en;q=0.3", "fr", "*", "q=", "zh-Hans"),
    *("fr;q=0.9,zh-hans;q=0.8", "x" * 300, "en;q=0.1,zh-CN;q=0.9", "fr," * 100 + "en"),
]


def language(middleware: type[LocaleMiddleware], headers: dict[str, str]) -> tuple[str, ...]:
    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.LANGUAGE_CODE)

    with override("zh-hans"):
        response = middleware(answer)(RequestFactory().get("/", headers=headers))
    assert isinstance(response, HttpResponse)
    return response.content.decode(), response["Content-Language"], response["Vary"]


@pytest.mark.parametrize("cookie", [None, "en", "zh-hans", "fr", ""])
@pytest.mark.parametrize("wishes", WISHES)
def test_it_is_the_one_that_django_would_choose(wishes: str | None, cookie: str | None) -> None:
    headers = {} if wishes is None else {"Accept-Language": wishes}
    headers |= {} if cookie is None else {"Cookie": f"django_language={cookie}"}
    assert language(LanguageMiddleware, headers) == language(LanguageMiddleware, headers)
    assert language(LanguageMiddleware, headers) == language(LocaleMiddleware, headers)
