"""`data/forgotten.jsonl`: what must not come back, by keyed hashes.

A line says that a session, a project or the subject of a label was forgotten, and when; who has the file but not the
redaction key cannot tell which, nor test a guess. A key that was replaced (`redact --import-key`) is kept beside the
new one for as long as there are such lines.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from ingest.errors import IngestError
from ingest.files import open_regular, write_atomically
from ingest.paths import DataDir
from ingest.redaction import load_or_create_key
from ingest.runlog import now

SESSION, PROJECT, MESSAGE = "session", "project", "message"
FORGOTTEN = "[forgotten]"
_HASH = re.compile(r"[0-9a-f]{64}")
# What in a text can be the id of a session.
_WORD = re.compile(r"[A-Za-z0-9_-]{4,200}")


@dataclass(frozen=True)
class Tombstones:
    """What was forgotten: (kind, hash) → when. Asked with the words themselves."""

    keys: tuple[bytes, ...] = ()
    lines: dict[tuple[str, str], str] = field(default_factory=dict)

    def has_session(self, session_id: str) -> bool:
        """Was the root session of this one forgotten?"""
        return self._has(SESSION, session_id.split("/", 1)[0])

    def has_project(self, project_id: str) -> bool:
        return self._has(PROJECT, project_id)

    def has_message(self, uuid: str) -> bool:
        """Was a label on this message forgotten with its session?"""
        return self._has(MESSAGE, uuid)

    def without_ids(self, text: str) -> str:
        """The text with the ids of forgotten sessions replaced."""
        if not any(kind == SESSION for kind, _ in self.lines):
            return text
        return _WORD.sub(lambda word: FORGOTTEN if self._has(SESSION, word[0]) else word[0], text)

    def clean_lines(self, content: bytes) -> bytes:
        """Records of a run log in which no text names a forgotten session: one that does is replaced as a whole."""
        if not any(kind == SESSION for kind, _ in self.lines):
            return content
        return b"".join(map(self._clean_line, content.splitlines(keepends=True)))

    def _clean_line(self, line: bytes) -> bytes:
        if self.without_ids(text := line.decode("utf-8", "replace")) == text:
            return line
        try:
            record = orjson.loads(line)
            clean = {
                name: FORGOTTEN if isinstance(value, str) and self.without_ids(value) != value else value
                for name, value in record.items()
            }
        except (ValueError, AttributeError):
            return b""
        return orjson.dumps(clean) + b"\n"

    def _has(self, kind: str, name: str) -> bool:
        return bool(self.lines) and any((kind, keyed_hash(key, kind, name)) in self.lines for key in self.keys)


def keyed_hash(key: bytes, kind: str, name: str) -> str:
    """What a line says in the place of a name."""
    return hmac.new(key, f"forgotten {kind}\0{name}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def tombstone_path(data: DataDir) -> Path:
    return data.root / "forgotten.jsonl"


def read_tombstones(data: DataDir) -> Tombstones:
    """What was forgotten here. Raises IngestError where that cannot be read: what was forgotten might come back."""
    lines = read_lines(tombstone_path(data))
    if not lines or not data.redaction_key.exists():
        return Tombstones(lines=lines)
    keys = [load_or_create_key(path) for path in (data.redaction_key, *_older_keys(data))]
    return Tombstones(tuple(dict.fromkeys(keys)), lines)


def read_lines(path: Path) -> dict[tuple[str, str], str]:
    """The lines of such a file; none where there is no file. Raises IngestError."""
    try:
        descriptor, _ = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            records = [orjson.loads(line) for line in file.read().splitlines() if line.strip()]
        found = {(str(record["kind"]), str(record["hash"])): str(record["at"]) for record in records}
        if not all(_HASH.fullmatch(digest) for _, digest in found):
            raise ValueError("a hash is none")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(
            f"{path} cannot be read ({error}), so what was forgotten might come back: restore it from a backup."
        ) from error
    return found


def add_tombstones(data: DataDir, names: Iterable[tuple[str, str]]) -> int:
    """Note (kind, name) pairs, durably and each once; how many are new. Raises IngestError where the disk refuses."""
    key = load_or_create_key(data.redaction_key)
    before = read_tombstones(data)
    moment = f"{now():%Y-%m-%dT%H:%M:%SZ}"
    known = {(kind, name) for kind, name in names if not before._has(kind, name)}
    # in the order of the hashes: that of the names would tell something
    added = {(kind, keyed_hash(key, kind, name)): moment for kind, name in known}
    if added:
        write_lines(data, before.lines | dict(sorted(added.items())))
    return len(added)


def take_back(data: DataDir, kind: str, name: str) -> bool:
    """Let something that was forgotten come back; was it forgotten?"""
    stones = read_tombstones(data)
    hashes = {(kind, keyed_hash(key, kind, name)) for key in stones.keys}
    kept = {line: at for line, at in stones.lines.items() if line not in hashes}
    if len(kept) == len(stones.lines):
        return False
    write_lines(data, kept)
    return True


def write_lines(data: DataDir, lines: dict[tuple[str, str], str]) -> None:
    """Write the file anew. Raises IngestError where the disk refuses."""
    records = ({"kind": kind, "hash": digest, "at": at} for (kind, digest), at in lines.items())
    write_atomically(tombstone_path(data), b"".join(orjson.dumps(record) + b"\n" for record in records))


def keep_key(data: DataDir) -> None:
    """Keep the key that is about to be replaced, if anything was forgotten with it."""
    if not read_lines(tombstone_path(data)):
        return
    key = load_or_create_key(data.redaction_key)
    name = f"{data.redaction_key.name}-{hashlib.sha256(key).hexdigest()[:8]}"
    write_atomically(data.redaction_key.with_name(name), key.hex().encode() + b"\n")


def _older_keys(data: DataDir) -> list[Path]:
    return sorted(data.root.glob(f"{data.redaction_key.name}-[0-9a-f]*[0-9a-f]"))
