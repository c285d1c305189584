"""How a record becomes a line: the escapes that JSON allows, and the ways in which real lines are broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from tests.redaction.planted.draw import Draw
from tests.redaction.planted.places import Record

Writer = Callable[[Draw, Record], bytes]
Damage = Callable[[Draw, bytes, int], bytes]
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def _compact(_: Draw, record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _escaping(share: float, form: str) -> Writer:
    """Some characters of all strings as `\\uXXXX`, which RFC 8259 allows for any character."""

    def write(d: Draw, record: Record) -> bytes:
        def one(match: re.Match[str]) -> str:
            pieces = re.findall(r"\\u[0-9a-fA-F]{4}|\\.|.", match.group(1), re.DOTALL)
            return (
                '"'
                + "".join(form % ord(c) if len(c) == 1 and ord(c) < 0x10000 and d.chance(share) else c for c in pieces)
                + '"'
            )

        return _STRING.sub(one, json.dumps(record, ensure_ascii=False)).encode()

    return write


ESCAPES: dict[str, Writer] = {
    "compact": _compact,
    "spaced": lambda d, r: json.dumps(r, ensure_ascii=False).encode(),
    "ascii": lambda d, r: json.dumps(r).encode(),
    "slashes": lambda d, r: _compact(d, r).replace(b"/", b"\\/"),
    "html safe": lambda d, r: re.sub(rb"[<>&'=+]", lambda m: b"\\u%04x" % ord(m.group()), _compact(d, r)),
    "some \\u": _escaping(0.1, "\\u%04x"),
    "all \\u": _escaping(1.0, "\\u%04x"),
    "capital \\U": _escaping(0.15, "\\u%04X"),
    "wide gaps": lambda d, r: json.dumps(r, ensure_ascii=False, separators=(" , ", " : ")).encode(),
}


def _cut(d: Draw, line: bytes, end: int) -> bytes:
    return line[: d.number(end, max(end, len(line) - 1))]


def _raw_breaks(d: Draw, line: bytes, end: int) -> bytes:
    """Line breaks and tabs inside strings written as they are: the record falls apart into several lines."""
    return re.sub(rb"(?<!\\)\\n", b"\n", line).replace(b"\\t", b"\t") + b"]"


DAMAGES: dict[str, Damage] = {
    "cut": _cut,
    "cut soon": lambda d, line, end: line[: end + 3],
    "no beginning": lambda d, line, end: line[d.number(1, 12) :],
    "glued": lambda d, line, end: line + line,
    "glued to a cut one": lambda d, line, end: line[: d.number(10, 30)] + line,
    "invalid utf-8": lambda d, line, end: line[:-1] + b',"x":"\xff\xfe\xc3("}',
    "cut utf-8": lambda d, line, end: b'{"x":"\xf0\x9f\x94' + line,
    "byte order mark": lambda d, line, end: b"\xef\xbb\xbf" + line,
    "null bytes": lambda d, line, end: line + b"\x00" * 8,
    "raw line breaks": _raw_breaks,
    "comma behind": lambda d, line, end: line[:-1] + b",}",
    "single quote lost": lambda d, line, end: line.replace(b'":', b":", 1),
}
