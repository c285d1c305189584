"""The two ends of a transcript: where it began, on which branch, and when it was first and last written to.

Of a file of any size only its beginning, until a record names a working directory, and its last kilobytes are read.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ingest.files import open_regular

HEAD_BYTES = 16 * 1024  # the first piece; each further one is twice as long, as a first line may hold a picture
MAXIMUM_HEAD_BYTES = 4 * 1024 * 1024
TAIL_BYTES = (8 * 1024, 64 * 1024)

_DAY = re.compile(rb'"timestamp":\s*"(\d{4}-\d\d-\d\d)T')


@dataclass(frozen=True)
class Edges:
    """What the ends of a file say. `cwd` and `branch` are those of the first record that names a working directory
    (None where none does; an empty branch: it was in no repository), days are UTC (`YYYY-MM-DD`) or None."""

    size: int
    mtime: float
    mtime_ns: int
    cwd: str | None = None
    branch: str | None = None
    first_day: str | None = None
    last_day: str | None = None


def read_edges(path: Path) -> Edges:
    """Look at both ends of a transcript, never through a link. Raises OSError if it cannot be read."""
    descriptor, state = open_regular(path)
    try:
        head = _head(descriptor)
        return Edges(
            size=state.st_size,
            mtime=state.st_mtime,
            mtime_ns=state.st_mtime_ns,
            cwd=head.cwd,
            branch=head.branch,
            first_day=head.first_day,
            last_day=_last_day(descriptor, state.st_size),
        )
    finally:
        os.close(descriptor)


@dataclass
class _Head:
    cwd: str | None = None
    branch: str | None = None
    first_day: str | None = None


def _head(descriptor: int) -> _Head:
    """Reads until a record names a working directory. The first time stands in it, or before it."""
    found = _Head()
    rest = b""
    offset, length = 0, HEAD_BYTES
    while offset < MAXIMUM_HEAD_BYTES:
        piece = os.pread(descriptor, length, offset)
        if not piece:
            break
        offset += len(piece)
        length = min(2 * length, MAXIMUM_HEAD_BYTES - offset)
        *lines, rest = (rest + piece).split(b"\n")
        if any(_take(line, found) for line in lines):
            return found
    _take(rest, found)
    return found


def _take(line: bytes, found: _Head) -> bool:
    """Note what a line says; True once the working directory is known."""
    if found.first_day is None and (day := _DAY.search(line)):
        found.first_day = day[1].decode()
    if b'"cwd"' not in line:
        return False
    record = _record(line)
    cwd = record.get("cwd") if isinstance(record, dict) else None
    if not isinstance(cwd, str) or not cwd:
        return False
    branch = record.get("gitBranch")
    found.cwd, found.branch = cwd, branch if isinstance(branch, str) else None
    return True


def _record(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        try:
            return json.loads(line)  # half a surrogate pair in a text is no reason to overlook a session
        except (ValueError, RecursionError):
            return None


def _last_day(descriptor: int, size: int) -> str | None:
    for length in TAIL_BYTES:
        days = _DAY.findall(os.pread(descriptor, length, max(0, size - length)))
        if days:
            return days[-1].decode()
        if length >= size:
            break
    return None
