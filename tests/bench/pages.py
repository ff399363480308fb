"""One page of the real site again and again, and what it asks of the database."""

import http.client
import time
from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.bench.load import HOST
from tests.bench.site import Site


class Reader:
    """A signed-in person with a browser that keeps its connection."""

    def __init__(self, site: Site, cookie: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, site.port, timeout=60)
        self._headers = {"Cookie": cookie, "Accept-Language": "zh-CN"}

    def get(self, path: str) -> bytes:
        """The page. Raises ConnectionError for any answer but 200."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ConnectionError(f"{path} answered {answer.status} {answer.headers.get('Location', '')}")
        return body

    def milliseconds(self, path: str) -> float:
        """The time of one answer."""
        began = time.perf_counter()
        self.get(path)
        return (time.perf_counter() - began) * 1000


def statements(action: Callable[[], object]) -> int:
    """How many statements the action sends, with warm caches."""
    action()
    with CaptureQueriesContext(connection) as queries:
        action()
    return sum(not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for query in queries)
