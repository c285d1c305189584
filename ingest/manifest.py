"""`data/raw/<project>/manifest.jsonl`: what the archive holds and how far each source was read.

One JSON object per line; the last line of a path wins. A line that is written is the commit point of what it describes:
bytes of an archived file beyond its entry do not count. Lines are only added; the file is rewritten (atomically) when
most of them are stale. Fields that a newer program has added to a line are kept with its entry.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from ingest.files import (
    disk_errors,
    fsync_directory,
    is_safe_path,
    make_private_directory,
    open_private,
    write_all,
    write_atomically,
)

COMPACT_MIN_STALE_LINES = 1000


@dataclass(frozen=True)
class ManifestEntry:
    """One version of one archived file. Sizes are bytes; hashes are hex."""

    path: str  # below raw/<project>/
    kind: str  # transcript | sidecar
    agent: str
    source: str  # absolute; empty when unknown
    session_id: str
    parent_session_id: str | None
    version: int  # from 1; a rewritten source begins the next one
    source_size: int
    source_mtime_ns: int
    source_hash: str  # keyed hash of the first `consumed_bytes` of the source; empty when unknown
    consumed_bytes: int
    archived_bytes: int
    archived_lines: int
    content_hash: str  # SHA-256 of the archived file
    pending_bytes: int  # tail of the source that is not taken yet
    tail_taken: bool  # the archive ends with a newline that the source had not yet
    rules_version: str  # the oldest rule set that any part of the file was redacted with
    first_run_id: str
    last_run_id: str  # the last run that changed the entry
    problem: str | None
    cold: str | None = None  # the part of cold storage that holds the file, which is not here then
    # What a newer program has written beside these fields: kept in every later line of the path.
    further: Mapping[str, Any] = field(default_factory=dict, hash=False)


_COLD, _FURTHER = "cold", "further"
_FIELDS = tuple(item.name for item in fields(ManifestEntry) if item.name not in (_COLD, _FURTHER))
_COUNTS = tuple(item.name for item in fields(ManifestEntry) if item.type == "int" and item.name != "source_mtime_ns")


@dataclass
class Manifest:
    """A manifest and how many lines it has. `damaged` lines (a half-written last one apart) are lost entries."""

    path: Path
    entries: dict[str, ManifestEntry]
    lines: int
    damaged: int

    @classmethod
    def open(cls, path: Path) -> Manifest:
        """Read it, create it where it is missing, and cut off a half-written last line."""
        with disk_errors(path):
            make_private_directory(path.parent)
            descriptor = open_private(path)
            try:
                content = _read(descriptor)
                whole = content.rfind(b"\n") + 1
                if whole != len(content):
                    os.ftruncate(descriptor, whole)
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fsync_directory(path.parent)
        entries, lines, damaged = _parse(content[:whole])
        return cls(path, entries, lines, damaged)

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The same without a change on the disk, for what only looks. Raises OSError if the file cannot be read."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = b""
        return cls(path, *_parse(content[: content.rfind(b"\n") + 1]))

    def append(self, entries: Iterable[ManifestEntry]) -> None:
        """Commit entries, durably. Raises IngestError when the disk refuses; nothing of them counts then."""
        entries = list(entries)
        if not entries:
            return
        with disk_errors(self.path):
            descriptor = open_private(self.path)
            try:
                end = os.lseek(descriptor, 0, os.SEEK_END)
                try:
                    write_all(descriptor, b"".join(map(_line, entries)))
                    os.fsync(descriptor)
                except BaseException:  # an interrupt too: the next line must not be glued to half of this one
                    os.ftruncate(descriptor, end)
                    raise
            finally:
                os.close(descriptor)
        self.entries.update((entry.path, entry) for entry in entries)
        self.lines += len(entries)

    def compact(self, *, force: bool = False) -> None:
        """Rewrite the file without its stale lines when they are many and the majority."""
        stale = self.lines - len(self.entries)
        if force or (stale > COMPACT_MIN_STALE_LINES and stale > len(self.entries)):
            write_atomically(self.path, b"".join(map(_line, self.entries.values())))
            self.lines, self.damaged = len(self.entries), 0


def read_manifest(path: Path) -> dict[str, ManifestEntry]:
    """The entries by archived path, in the order in which the paths were first written; empty if there is no manifest.

    A half-written last line is ignored. Raises OSError if the file cannot be read.
    """
    return Manifest.read(path).entries


def _read(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read()


def _line(entry: ManifestEntry) -> bytes:
    return orjson.dumps(record_of(entry), option=orjson.OPT_APPEND_NEWLINE)


def record_of(entry: ManifestEntry) -> dict[str, Any]:
    """An entry as the record of JSON that `entry_of` reads."""
    record = {**entry.further, **{name: getattr(entry, name) for name in _FIELDS}}
    if entry.cold is not None:
        record[_COLD] = entry.cold
    return record


def _parse(content: bytes) -> tuple[dict[str, ManifestEntry], int, int]:
    """Entries, number of lines, number of lines that are no entry."""
    entries: dict[str, ManifestEntry] = {}
    lines = content.split(b"\n")[:-1]
    damaged = 0
    for line in lines:
        entry = read_entry(line)
        if entry is None:
            damaged += 1
        else:
            entries[entry.path] = entry
    return entries, len(lines), damaged


def read_entry(line: bytes) -> ManifestEntry | None:
    """The entry that a line of a manifest is; None where it is none, or names a path that leaves the archive."""
    try:
        return entry_of(orjson.loads(line))
    except ValueError:
        return None


def entry_of(record: Any) -> ManifestEntry | None:
    """A record of JSON as an entry, None where it is none."""
    try:
        further = {name: value for name, value in record.items() if name not in (*_FIELDS, _COLD)}
        known = {name: record[name] for name in _FIELDS}
        entry = ManifestEntry(**known, cold=record.get(_COLD), further=further)
    except (AttributeError, KeyError, TypeError):
        return None
    counts = [getattr(entry, name) for name in _COUNTS]
    if not all(type(count) is int and count >= 0 for count in counts) or type(entry.source_mtime_ns) is not int:
        return None
    if type(entry.path) is not str or type(entry.source) is not str or type(entry.session_id) is not str:
        return None
    if entry.cold is not None and type(entry.cold) is not str:
        return None
    # A path that leaves the archive must never be written to.
    return entry if is_safe_path(entry.path) else None
