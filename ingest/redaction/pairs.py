"""Which string of a JSON object is the value of a name that stands elsewhere in it, by position.

`{"name": "DB_PASSWORD", "value": "…"}`, in any order and with fields between, as kubernetes, AWS and collections of
requests write it; `{"db_password": {"type": "string", "value": "…"}}`, as terraform does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_FIELDS = 8  # strings between the name and its value
COLON = re.compile(rb"\s*:\s*\[?\s*")  # also the first of several values: {"Authorization": ["Bearer …"]}
_OBJECT = re.compile(rb"\s*:\s*\{\s*")
_BRACE = re.compile(rb"[{}\[\]]")
_NAMES = {b"name", b"key", b"header", b"field", b"variable", b"keyname"}
_VALUES = {b"value", b"default", b"github.com", b"gitlab.com"}

Tokens = Sequence[tuple[int, int]]


def value_of(data: bytes, tokens: Tokens, index: int) -> int:
    """The index of the string that is the value of the name `tokens[index]`, or -1. Positions include the quotes."""
    is_last = index + 1 >= len(tokens)
    if not is_last and _OBJECT.fullmatch(data, tokens[index][1], tokens[index + 1][0]) is not None:
        return _forward(data, tokens, index + 1)
    if index < 1 or not _is_field(data, tokens, index - 1, _NAMES):
        return -1
    found = -1
    if not is_last and _BRACE.search(data, tokens[index][1], tokens[index + 1][0]) is None:
        found = _forward(data, tokens, index + 1)
    return found if found >= 0 else _backward(data, tokens, index - 1)


def _is_field(data: bytes, tokens: Tokens, index: int, names: set[bytes]) -> bool:
    """Whether this string is one of these names and the next one its value."""
    start, end = tokens[index]
    return (
        index + 1 < len(tokens)
        and end - start < 20
        and data[start + 1 : end - 1].lower() in names
        and COLON.fullmatch(data, end, tokens[index + 1][0]) is not None
    )


def _forward(data: bytes, tokens: Tokens, first: int) -> int:
    for index in range(first, min(first + MAX_FIELDS, len(tokens))):
        if index > first and _BRACE.search(data, tokens[index - 1][1], tokens[index][0]) is not None:
            return -1
        if _is_field(data, tokens, index, _VALUES):
            return index + 1
    return -1


def _backward(data: bytes, tokens: Tokens, last: int) -> int:
    for index in range(last - 1, max(last - MAX_FIELDS, 0) - 1, -1):
        if _BRACE.search(data, tokens[index][1], tokens[index + 1][0]) is not None:
            return -1
        if _is_field(data, tokens, index, _VALUES):
            return index + 1
    return -1
