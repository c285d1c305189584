"""A raw commit object → the fields of a commit in `git-metadata.json`."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

_TIME = re.compile(rb"\s*([+-]?\d{1,20})(?:\s+([+-]\d{1,9}))?\s*$")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# An encoding that reads these otherwise is not a superset of ASCII: headers, ids and trailers would turn into rubbish.
_ASCII_PROBE = bytes(range(0x20, 0x7E)) + rb" \x41 +AGE- xn--mnchen-3ya"


@dataclass
class CommitRecord:
    """Who, when and why. Times are ISO 8601 with the author's own offset, or None where git holds no real time.

    `oddities` are (reason, detail) for what could not be read as it stands.
    """

    parents: list[str]
    author_name: str
    author_email: str
    authored_at: str | None
    committer_name: str
    committer_email: str
    committed_at: str | None
    message: str
    oddities: list[tuple[str, str]] = field(default_factory=list)


def parse_commit(content: bytes) -> CommitRecord:
    """Read a commit object as `git cat-file` gives it. Never fails: what is odd is named in `oddities`."""
    head, _, body = content.partition(b"\n\n")
    headers: dict[bytes, bytes] = {}
    parents = []
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"parent":
            parents.append(value.decode("ascii", "replace"))
        elif key:  # a continued line (of a signature) starts with a blank
            headers.setdefault(key, value)
    oddities: list[tuple[str, str]] = []
    encoding = _codec(headers.get(b"encoding", b"utf-8"))
    if encoding is None:
        oddities.append(("unknown encoding", headers[b"encoding"].decode("ascii", "replace")))
    author = _person(headers.get(b"author", b""), "author", encoding, oddities)
    committer = _person(headers.get(b"committer", b""), "committer", encoding, oddities)
    return CommitRecord(parents, *author, *committer, _text(body, "message", encoding, oddities).strip(), oddities)


def _person(
    value: bytes, role: str, encoding: str | None, oddities: list[tuple[str, str]]
) -> tuple[str, str, str | None]:
    """(name, e-mail, time). The mail ends at the first `>`, the time begins after the last, as git reads it."""
    name, _, rest = value.partition(b"<")
    email, _, _ = rest.partition(b">")
    return (
        _text(name, f"{role} name", encoding, oddities).strip(),
        _text(email, f"{role} e-mail", encoding, oddities).strip(),
        _moment(value.rpartition(b">")[2], role, oddities),
    )


def _moment(value: bytes, role: str, oddities: list[tuple[str, str]]) -> str | None:
    match = _TIME.match(value)
    if not match:
        oddities.append(("unreadable time", f"{role}: {value[:80].decode('ascii', 'replace').strip()}"))
        return None
    seconds, offset = int(match[1]), match[2] or b"+0000"
    # Git writes hours and minutes as one number: +0530.
    minutes = int(offset[1:]) // 100 * 60 + int(offset[1:]) % 100
    if minutes >= 24 * 60:
        oddities.append(("unreadable time zone", f"{role}: {offset.decode('ascii')}, UTC is used"))
        minutes = 0
    zone = timezone(timedelta(minutes=-minutes if offset.startswith(b"-") else minutes))
    try:
        return (_EPOCH + timedelta(seconds=seconds)).astimezone(zone).isoformat()
    except (OverflowError, ValueError):
        oddities.append(("time out of range", f"{role}: {seconds} seconds"))
        return None


def _text(value: bytes, what: str, encoding: str | None, oddities: list[tuple[str, str]]) -> str:
    if value.isascii():
        text = value.decode("ascii")
    else:
        text = value.decode(encoding or "utf-8", "replace")
        if "\ufffd" in text:
            oddities.append(("undecodable text", f"{what}: bytes that are not {encoding or 'utf-8'} were replaced"))
    # Neither JSON readers nor databases agree on what NUL means inside a text.
    return text.replace("\0", "\ufffd") if "\0" in text else text


@lru_cache(maxsize=256)
def _codec(name: bytes) -> str | None:
    """The Python codec of a commit's `encoding` header; None if there is none that contains ASCII."""
    try:
        codec = codecs.lookup(name.decode("ascii").strip())
        same = bytes(_ASCII_PROBE).decode(codec.name, "replace") == _ASCII_PROBE.decode("ascii")
    except (LookupError, UnicodeError, ValueError, TypeError):
        return None
    return codec.name if same else None
