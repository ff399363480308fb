"""Reads the features of a GeoJSON file one by one, however large the file is. Pure: text in, dictionaries out."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 1 << 16
LARGEST_FEATURE = 64 << 20
_OPENING = re.compile(r'"features"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")


class BrokenGeojson(Exception):
    """The file cannot be read on from here. `feature` is the number of the feature, from 1; 0 before the first."""

    def __init__(self, feature: int) -> None:
        super().__init__(feature)
        self.feature = feature


class NotUtf8(BrokenGeojson):
    """There are bytes that are not UTF-8."""


def read_features(file: BinaryIO) -> Iterator[object]:
    """Yield each item of the FeatureCollection's list. Raises BrokenGeojson where the file ends being JSON.

    Memory holds one feature and a chunk; a feature beyond 64 MB is refused as broken.
    """
    source = _Source(file)
    source.skip_to_features()
    while (feature := source.next_feature()) is not None:
        yield feature


class _Source:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._json = json.JSONDecoder()
        self._text = ""
        self._number = 0
        self._is_over = False

    def _read_more(self) -> bool:
        """Read another chunk, as much again as is held: a large feature is tried a few times, not a thousand."""
        if self._is_over:
            return False
        raw = self._file.read(max(CHUNK, len(self._text)))
        self._is_over = not raw
        try:
            self._text += self._decoder.decode(raw, final=self._is_over)
        except UnicodeDecodeError:
            raise NotUtf8(self._number) from None
        return not self._is_over

    def skip_to_features(self) -> None:
        """Go to the first item of the list "features"."""
        while (opening := _OPENING.search(self._text)) is None:
            if len(self._text) > LARGEST_FEATURE or not self._read_more():
                raise BrokenGeojson(0)
        self._text = self._text[opening.end() :]

    def next_feature(self) -> object | None:
        """Take the next item off the text, or None at the end of the list."""
        self._number += 1
        self._drop_separators()
        if self._text.startswith("]"):
            return None
        while True:
            try:
                feature, end = self._json.raw_decode(self._text)
            except (ValueError, RecursionError):
                if len(self._text) > LARGEST_FEATURE or not self._read_more():
                    raise BrokenGeojson(self._number) from None
                continue
            self._text = self._text[end:]
            return feature if feature is not None else {}

    def _drop_separators(self) -> None:
        while True:
            between = _BETWEEN.match(self._text)
            self._text = self._text[between.end() if between else 0 :]
            if self._text or not self._read_more():
                return
