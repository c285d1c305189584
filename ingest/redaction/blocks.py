"""Secrets of many lines that stand line by line in the strings of a JSON array: which strings, which part of each.

So does a tool that edits files report its patch (`"lines": ["+first", "+second"]`), and so does a notebook keep a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_COMMA = re.compile(rb"\s*,\s*")
_COLON = re.compile(rb"\s*:")
_SIGNS = b"+- "  # what a patch puts before each line; models count lines by it
_SIGNED = re.compile(rb"[+ -]?[ \t]*")
_INDENT = re.compile(rb"[ \t]*")


def strings_from(data: bytes, tokens: Sequence[tuple[int, int]], index: int, limit: int | None = None) -> int:
    """The index behind the last string of the unbroken row `"a", "b", …` of one array that begins at `index`.

    `tokens` are the positions of all strings of the JSON `data`, quotes included. A name of an object ends the row, as
    do `limit` strings.
    """
    behind = index + 1
    end_of_row = len(tokens) if limit is None else min(len(tokens), index + limit)
    while behind < end_of_row:
        start, end = tokens[behind]
        if _COMMA.fullmatch(data, tokens[behind - 1][1], start) is None or _COLON.match(data, end) is not None:
            break
        behind += 1
    return behind


def pieces(texts: Sequence[bytes], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """(index, first, last) for each of `texts` that a block covers, where [start, end) are offsets in their lines.

    Nothing for a block inside one text. Indentation, the sign of a patch line, and line ends stay outside.
    """
    at = 0
    lead: re.Pattern[bytes] | None = None
    for index, text in enumerate(texts):
        first, last = max(start - at, 0), min(end - at, len(text))
        at += len(text) + 1  # texts are joined by one line break
        if at > end and lead is None and first < last:
            return  # begins and ends here
        if last < 0:
            return
        if first >= len(text):  # before the block, or an empty line of it
            continue
        if lead is None:
            lead = _SIGNED if first and text[0] in _SIGNS else _INDENT
        else:
            matched = lead.match(text)
            first = matched.end() if matched else 0
        last = min(last, len(text.rstrip()))
        if first < last:
            yield index, first, last
