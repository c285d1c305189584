"""The strings of a JSON text, by position: where each one stands and what it says."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable

from ingest.redaction.escapes import unescape

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


class Strings:
    """All strings of the valid JSON `data`, names of fields too. `places` are byte offsets, quotes included."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.places = [match.span() for match in _STRING.finditer(data)]
        self._texts: dict[int, bytes] = {}

    def touched(self, hits: Iterable[tuple[int, int]]) -> list[int]:
        """The strings that these stretches of the data touch, in order."""
        starts = [start for start, _ in self.places]
        touched: set[int] = set()
        for start, end in hits:
            first = max(0, bisect.bisect_right(starts, start) - 1)
            touched.update(i for i in range(first, bisect.bisect_left(starts, end)) if self.places[i][1] > start)
        return sorted(touched)

    def start(self, index: int) -> int:
        """Where the inside of this string begins."""
        return self.places[index][0] + 1

    def raw(self, index: int) -> bytes:
        """This string as it is written, without its quotes."""
        start, end = self.places[index]
        return self.data[start + 1 : end - 1]

    def text(self, index: int) -> bytes:
        """What this string says."""
        if index not in self._texts:
            self._texts[index] = unescape(self.raw(index))
        return self._texts[index]
