"""JSON with a limit: DRF's own parser reads whatever is sent, however long and deep."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as translate
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser


class LimitedJSONParser(BaseParser):
    """Refuses more than DATA_UPLOAD_MAX_MEMORY_SIZE bytes, NaN and Infinity, and nesting without end."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Return the parsed body. Raises ParseError or RequestDataTooBig."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise ParseError(translate("The body is not JSON that can be read.")) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
