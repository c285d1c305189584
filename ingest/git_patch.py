"""One commit's answer of `git diff-tree`: its files, their counts and the fingerprints of their lines.

The patch is read by the counts in its hunk headers, so that no line of a file can pass for a header, and its sections
belong to the raw entries by order.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field

from ingest.fingerprint import line_fingerprint_bytes
from ingest.redaction import Redactor

MAXIMUM_FINGERPRINTS = 5_000
# Lines and bytes that are looked at for secrets at once, and lines that are looked at again with the next ones.
BATCH_LINES = 5_000
BATCH_BYTES = 4_000_000
OVERLAP_LINES = 64
SUBMODULE = "160000"

STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied", "T": "type_changed"}
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass
class FileChange:
    """One file of a commit. Counts are None for a binary file; fingerprints are None if not computed, [] if none."""

    path: bytes
    old_path: bytes | None
    status: str | None
    modes: tuple[str, str]
    objects: tuple[str, str]
    insertions: int | None = None
    deletions: int | None = None
    added: list[str] | None = None
    removed: list[str] | None = None
    patch_lines: tuple[int, int] = (0, 0)


@dataclass
class CommitDiff:
    """The files of one commit. `damage` says why they are incomplete (then without counts and fingerprints)."""

    files: list[FileChange] = field(default_factory=list)
    damage: str | None = None
    redacted_lines: int = 0


class _Side:
    """The added or the removed lines of one file, as they come in, and what becomes of them."""

    def __init__(self, redactor: Redactor) -> None:
        self.count = 0
        self.redacted = 0
        self.hashes: list[str] = []
        self._redactor = redactor
        self._lines: list[bytes] = []
        self._before: list[bytes] = []
        self._size = 0

    def add(self, line: bytes) -> None:
        self.count += 1
        if len(self.hashes) < MAXIMUM_FINGERPRINTS:
            self._lines.append(line)
            self._size += len(line)
            if len(self._lines) >= BATCH_LINES or self._size >= BATCH_BYTES:
                self.flush()

    def flush(self) -> None:
        """Fingerprint the lines that wait, but for those that hold a secret."""
        if not self._lines:
            return
        hits = self._hits(self._before + self._lines)
        offset = len(self._before)
        for number, line in enumerate(self._lines):
            if number + offset in hits:
                self.redacted += 1
            elif (fingerprint := line_fingerprint_bytes(line)) and len(self.hashes) < MAXIMUM_FINGERPRINTS:
                self.hashes.append(fingerprint)
        # A key block may begin in these lines and end in the next ones.
        self._before = self._lines[-OVERLAP_LINES:] if self._size < BATCH_BYTES else []
        self._lines, self._size = [], 0

    def _hits(self, lines: list[bytes]) -> set[int]:
        redacted, findings = self._redactor.redact_text_bytes(b"".join(lines))
        if not findings:
            return set()
        hits = {finding.line_number - 1 for finding in findings}
        after = redacted.split(b"\n")
        if len(after) == len(lines) + 1:
            hits.update(n for n, line in enumerate(lines) if line.removesuffix(b"\n") != after[n])
        return hits


def read_commit(out: io.BufferedReader, mark: bytes, redactor: Redactor, *, with_lines: bool) -> CommitDiff | None:
    """Everything up to the mark; None if the stream ends before it."""
    diff = CommitDiff()
    counts: dict[bytes, tuple[int | None, int | None]] = {}
    is_complete = True
    while True:
        kind = out.peek(1)[:1]
        if kind == b":":
            diff.files.append(_raw_entry(out))
        elif kind == b"#":
            if out.readline() != mark:
                return None
            break
        elif kind == b"\0":
            out.read(1)
            sections = _read_patch(out, mark, diff, redactor)
            if sections is None:
                return None
            is_complete = sections
            break
        elif kind and kind in b"0123456789-":
            path, insertions, deletions = _count_entry(out)
            counts[path] = (insertions, deletions)
        else:
            return None
    for file in diff.files:
        file.insertions, file.deletions = counts.get(file.path, (None, None))
        is_complete = is_complete and (not with_lines or _agrees(file))
    if not is_complete:
        diff.damage = "the patch and its counts disagree"
        for file in diff.files:
            file.added = file.removed = None
    return diff


def _agrees(file: FileChange) -> bool:
    """Whether the patch had as many lines as git counted (which counts a change of type as one change)."""
    if file.status == "type_changed" or SUBMODULE in file.modes:
        return True
    return file.patch_lines == (file.insertions or 0, file.deletions or 0)


def _token(out: io.BufferedReader) -> bytes:
    """The bytes up to the next NUL, which is taken too."""
    parts = []
    while block := out.peek(1):
        end = block.find(b"\0")
        if end >= 0:
            parts.append(out.read(end + 1)[:-1])
            break
        parts.append(out.read(len(block)))
    return b"".join(parts)


def _raw_entry(out: io.BufferedReader) -> FileChange:
    old_mode, new_mode, old, new, letter = _token(out)[1:].decode("ascii", "replace").split(" ")
    path, old_path = _token(out), None
    if letter[0] in "RC":
        old_path, path = path, _token(out)
    return FileChange(path, old_path, STATUS.get(letter[0]), (old_mode, new_mode), (old, new))


def _count_entry(out: io.BufferedReader) -> tuple[bytes, int | None, int | None]:
    insertions, deletions, path = _token(out).split(b"\t", 2)
    if not path:  # a rename: the old and the new path follow
        _token(out)
        path = _token(out)
    return path, *(None if count == b"-" else int(count) for count in (insertions, deletions))


def _read_patch(out: io.BufferedReader, mark: bytes, diff: CommitDiff, redactor: Redactor) -> bool | None:
    """Read all sections and the mark; None if the stream ends before, False if they do not fit the raw entries."""
    # A file that becomes a link (or the other way round) has two sections: its end and its beginning.
    slots = [file for file in diff.files for _ in range(2 if file.status == "type_changed" else 1)]
    position, removed, added = -1, _Side(redactor), _Side(redactor)
    while (line := out.readline()) != mark:
        if not line.endswith(b"\n"):
            return None
        if line.startswith(b"diff --git "):
            position += 1
            if position >= len(slots):
                return None
            if position == 0 or slots[position] is not slots[position - 1]:
                if position:
                    _close(slots[position - 1], removed, added, diff)
                removed, added = _Side(redactor), _Side(redactor)
        elif (hunk := _HUNK.match(line)) and position >= 0:
            modes = slots[position].modes
            is_whole = _read_hunk(
                out,
                [1 if count is None else int(count) for count in hunk.groups()],
                None if modes[0] == SUBMODULE else removed,
                None if modes[1] == SUBMODULE else added,
            )
            if not is_whole:
                return None
    if position >= 0:
        _close(slots[position], removed, added, diff)
    return position + 1 == len(slots)


def _close(file: FileChange, removed: _Side, added: _Side, diff: CommitDiff) -> None:
    for side in (removed, added):
        side.flush()
        diff.redacted_lines += side.redacted
    file.removed, file.added = removed.hashes, added.hashes
    file.patch_lines = (added.count, removed.count)


def _read_hunk(out: io.BufferedReader, left: list[int], removed: _Side | None, added: _Side | None) -> bool:
    """Read as many lines as the header announced; False if the stream ends before."""
    while left[0] > 0 or left[1] > 0:
        line = out.readline()
        kind = line[:1]
        if kind == b"-":
            left[0] -= 1
            if removed:
                removed.add(line[1:])
        elif kind == b"+":
            left[1] -= 1
            if added:
                added.add(line[1:])
        elif kind == b" ":
            left[0] -= 1
            left[1] -= 1
        elif kind != b"\\":
            return False
    return True
