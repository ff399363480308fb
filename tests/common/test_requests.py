import asyncio
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.test import AsyncClient, Client, RequestFactory
from pythonjsonlogger.json import JsonFormatter

from apps.common.requests import HEADER, RequestIdFilter, RequestIdMiddleware, request_id


def answer(request: object) -> HttpResponse:
    return HttpResponse(request_id())


def name_given_to(header: str | None) -> str:
    request = RequestFactory().get("/", headers={HEADER: header} if header is not None else {})
    response = RequestIdMiddleware(answer)(request)
    assert isinstance(response, HttpResponse)
    assert response[HEADER] == response.content.decode()
    return response[HEADER]


def test_a_proxys_name_is_kept() -> None:
    assert name_given_to("proxy-2013.02.08_A") == "proxy-2013.02.08_A"


@pytest.mark.parametrize(
    "header", [None, "", "short", "x" * 65, "has space in it", 'quote"}inject', "line%0abreak\t", "网格网格网格网格"]
)
def test_any_other_name_is_replaced_by_a_new_one(header: str | None) -> None:
    first, second = name_given_to(header), name_given_to(header)
    assert len(first) == 32
    assert first != second


def test_the_name_is_gone_after_the_request() -> None:
    name_given_to("some-request-id")
    assert request_id() == "-"


def test_the_name_is_gone_after_a_request_that_failed() -> None:
    def fail(request: object) -> HttpResponse:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        RequestIdMiddleware(fail)(RequestFactory().get("/"))
    assert request_id() == "-"


def test_every_answer_of_the_site_carries_its_name(client: Client) -> None:
    response: HttpResponseBase = client.get("/healthz", headers={HEADER: "asked-by-monitor"})
    assert response[HEADER] == "asked-by-monitor"
    assert len(client.get("/no/such/page")[HEADER]) == 32


def test_the_feeds_side_names_requests_too() -> None:
    async def ask() -> str:
        response = await AsyncClient().get("/healthz", headers={HEADER: "asked-by-a-board"})
        return str(response.headers[HEADER])

    assert asyncio.run(ask()) == "asked-by-a-board"


def test_a_log_record_is_one_json_object_with_the_requests_name() -> None:
    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(self.format(record))

    handler = Keep()
    logging_settings: dict[str, Any] = settings.LOGGING
    options = dict(logging_settings["formatters"]["json"])
    options.pop("()")
    handler.setFormatter(JsonFormatter(options.pop("format"), **options))
    handler.addFilter(RequestIdFilter())
    logger = logging.Logger("test")
    logger.addHandler(handler)

    def log(request: object) -> HttpResponse:
        logger.warning("园田社区\n第九网格 %s", '"quoted"')
        return HttpResponse()

    RequestIdMiddleware(log)(RequestFactory().get("/", headers={HEADER: "a-request-id"}))
    record = json.loads(said[0])
    assert "\n" not in said[0]
    assert record["message"] == '园田社区\n第九网格 "quoted"'
    assert (record["request_id"], record["level"], record["logger"]) == ("a-request-id", "WARNING", "test")
    assert datetime.fromisoformat(record["time"]).utcoffset() == timedelta(0)
