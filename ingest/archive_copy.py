"""One source file into one archived file: what is new in it, redacted before anything is written.

A source is compared with what the manifest says of it (size, time, keyed hash of the part already read), never with
redacted text. JSON lines are continued in place; a plain-text file is redacted as a whole, because a secret may span
its lines. Nothing here writes the manifest: a copy counts only when its entry is committed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.files import disk_errors, make_private_directory, open_private, write_all
from ingest.redaction import Redactor

CHUNK_BYTES = 16 * 1024 * 1024
TAIL_QUIET_SECONDS = 600
TAIL_GIVE_UP_SECONDS = 86_400


class PrefixChangedError(Exception):
    """The part of the source that was read before is not what it was: the source was rewritten."""


class SourceError(Exception):
    """The source could not be read; its text says why."""


@dataclass(frozen=True)
class TailRule:
    """When a last line without a newline is taken. `now` is seconds since 1970."""

    now: float
    quiet_seconds: float = TAIL_QUIET_SECONDS
    give_up_seconds: float = TAIL_GIVE_UP_SECONDS

    def quiet_for(self, state: os.stat_result) -> float:
        """Seconds since the file changed last.

        A modification time in the future says nothing, so the change time (which nobody can set) counts instead; where
        both are more than a day ahead this machine's clock was set back, and waiting for it could take for ever.
        """
        for changed_at in (state.st_mtime, state.st_ctime):
            if changed_at <= self.now:
                return self.now - changed_at
        return float("inf") if min(state.st_mtime, state.st_ctime) - self.now > self.give_up_seconds else 0.0

    def takes(self, tail: bytes, quiet: float) -> bool:
        return quiet >= self.give_up_seconds or (quiet >= self.quiet_seconds and is_complete_json(tail))


@dataclass(frozen=True)
class Workshop:
    """What every copy of a run needs."""

    raw: Path
    scratch: Path
    redactor: Redactor
    hash_key: bytes
    tail_rule: TailRule
    taken: Collection[str]  # archived paths that a new version must not get


@dataclass(frozen=True)
class Start:
    """Where a copy begins: what the manifest says of this version (all zero for a new one)."""

    consumed_bytes: int = 0
    source_hash: str = ""
    archived_bytes: int = 0
    archived_lines: int = 0
    content_hash: str = ""
    tail_taken: bool = False


@dataclass
class Copied:
    """What a version holds after the copy, and what the copy did."""

    source_size: int
    source_mtime_ns: int
    source_hash: str
    consumed_bytes: int
    archived_bytes: int
    archived_lines: int
    content_hash: str
    pending_bytes: int
    tail_taken: bool
    read_bytes: int = 0  # of the source, new to the archive
    added_bytes: int = 0  # to the archive
    added_lines: int = 0
    is_written: bool = False
    is_rebuilt: bool = False
    is_new_version: bool = False
    findings: Counter[str] = field(default_factory=Counter)
    problem: str | None = None


def is_complete_json(data: bytes) -> bool:
    """Whether the bytes are one JSON object or array; a number or word could still be half of a longer one."""
    try:
        return isinstance(json.loads(data), (dict, list))
    except (ValueError, RecursionError):
        return False


@contextmanager
def source_errors() -> Iterator[None]:
    """An operating-system error while the source is read is the source's problem, not the run's."""
    try:
        yield
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error


def copy_lines(
    shop: Workshop,
    source: int,
    state: os.stat_result,
    target: Path,
    start: Start,
    progress: Callable[[int], None],
) -> Copied:
    """Continue `target` with the new whole lines of an open source, up to the size it had when it was opened.

    Raises PrefixChangedError if the source was rewritten (nothing is written then), SourceError if it cannot be read,
    IngestError if the disk refuses. An archived file that is shorter than it should be, or was edited, is rebuilt
    aside and swapped in.
    """
    read = prefix_hash(source, state, start, shop.hash_key)
    before = size_of(target)
    rest_size = state.st_size - start.consumed_bytes
    if not rest_size and start.source_hash and before == start.archived_bytes:
        return unchanged(state, start)
    content = hashlib.sha256()
    is_whole = _add_archived(content, target, start)
    take_tail = start.tail_taken and not rest_size
    copied = Copied(state.st_size, state.st_mtime_ns, "", 0, 0, 0, "", 0, False, is_rebuilt=not is_whole)
    if is_whole:
        copied.consumed_bytes, copied.archived_bytes = start.consumed_bytes, start.archived_bytes
        copied.archived_lines, copied.tail_taken = start.archived_lines, start.tail_taken
        destination, cut = target, start.archived_bytes
    else:
        read, content = hashlib.sha256(), hashlib.sha256()
        destination, cut = shop.scratch, 0
    # As long as both are the same bytes, one hash serves both; most files hold no secret.
    is_same = read.digest() == content.digest()
    with writing(destination, cut, created=before is None or not is_whole) as output:
        try:
            for piece, taken, is_tail in _lines(source, state, copied, shop.tail_rule, take_tail):
                if is_same:
                    content = read.copy()
                read.update(piece)
                data = piece + b"\n" if is_tail else piece[len(piece) - taken :]
                if data:
                    redacted, found = shop.redactor.redact_jsonl(data)
                    is_same = is_same and redacted == piece
                    if not is_same:
                        content.update(redacted)
                    with disk_errors(target):
                        write_all(output, redacted)
                    copied.added_bytes += len(redacted)
                    copied.added_lines += redacted.count(b"\n")
                    copied.findings.update(finding.rule_id for finding in found)
                else:
                    is_same = False
                copied.consumed_bytes += len(piece)
                copied.read_bytes += len(piece)
                copied.tail_taken = is_tail
                progress(len(piece))
        except SourceError as error:
            # A bad sector must not keep the lines before it out of the archive; a rebuild needs all of them.
            if not is_whole:
                raise
            copied.problem = str(error)
    if not is_whole:
        with disk_errors(target):
            shop.scratch.replace(target)
    copied.archived_bytes += copied.added_bytes
    copied.archived_lines += copied.added_lines
    copied.source_hash = keyed_hash(shop.hash_key, read)
    copied.content_hash = (read if is_same else content).hexdigest()
    copied.pending_bytes = max(state.st_size - copied.consumed_bytes, 0)
    copied.is_written = bool(copied.added_bytes) or before != copied.archived_bytes or not is_whole
    return copied


def unchanged(state: os.stat_result, start: Start) -> Copied:
    return Copied(
        source_size=state.st_size,
        source_mtime_ns=state.st_mtime_ns,
        source_hash=start.source_hash,
        consumed_bytes=start.consumed_bytes,
        archived_bytes=start.archived_bytes,
        archived_lines=start.archived_lines,
        content_hash=start.content_hash,
        pending_bytes=state.st_size - start.consumed_bytes,
        tail_taken=start.tail_taken,
    )


def keyed_hash(hash_key: bytes, read: Any) -> str:
    """What the manifest keeps of unredacted bytes: without the key nobody can test a guess against it."""
    return hmac.new(hash_key, read.digest(), hashlib.sha256).hexdigest()


def prefix_hash(source: int, state: os.stat_result, start: Start, hash_key: bytes) -> Any:
    """A SHA-256 over what was read before, ready for more; raises PrefixChangedError if it is not the same."""
    read = hashlib.sha256()
    if state.st_size < start.consumed_bytes:
        raise PrefixChangedError
    offset = 0
    while offset < start.consumed_bytes:
        with source_errors():
            piece = os.pread(source, min(CHUNK_BYTES, start.consumed_bytes - offset), offset)
        if not piece:
            raise PrefixChangedError
        read.update(piece)
        offset += len(piece)
    if start.source_hash and keyed_hash(hash_key, read) != start.source_hash:
        raise PrefixChangedError
    return read


def _lines(
    source: int, state: os.stat_result, copied: Copied, tail_rule: TailRule, take_tail: bool
) -> Iterator[tuple[bytes, int, bool]]:
    """Pieces of whole lines from `copied.consumed_bytes` on: (source bytes, how many of the last to archive, is tail).

    After a taken tail the newline that the source writes for it is read but not archived: it is there already.
    """
    offset = copied.consumed_bytes
    skips_newline = copied.tail_taken
    parts: list[bytes] = []  # of a line that is longer than a block
    while offset < state.st_size:
        with source_errors():
            block = os.pread(source, min(CHUNK_BYTES, state.st_size - offset), offset)
        if not block:
            break  # cut while it was read: the next run sees that it was rewritten
        offset += len(block)
        end = block.rfind(b"\n") + 1
        if not end:
            parts.append(block)
            continue
        whole = block if end == len(block) else block[:end]
        piece = b"".join([*parts, whole]) if parts else whole
        parts = [block[end:]] if end < len(block) else []
        skipped = 0
        if skips_newline:
            skipped = 1 if piece.startswith(b"\n") else 2 if piece.startswith(b"\r\n") else 0
            skips_newline = False
        yield piece, len(piece) - skipped, False
    rest = b"".join(parts)
    # What is left after a cut is no tail: more of it may have stood there.
    if rest and offset == state.st_size and (take_tail or tail_rule.takes(rest, tail_rule.quiet_for(state))):
        yield rest, len(rest), True


def size_of(path: Path) -> int | None:
    try:
        return path.lstat().st_size
    except OSError:
        return None


def _add_archived(content: Any, target: Path, start: Start) -> bool:
    """Hash the archived bytes that count; False if there are fewer, or others, than the manifest says."""
    if not start.archived_bytes:
        return True
    left = start.archived_bytes
    try:
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        while left and (block := os.read(descriptor, min(CHUNK_BYTES, left))):
            content.update(block)
            left -= len(block)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return not left and content.hexdigest() == start.content_hash


@contextmanager
def writing(path: Path, cut: int, *, created: bool) -> Iterator[int]:
    """A descriptor at offset `cut` with everything behind it cut off; after a failure what was added is cut off too."""
    with disk_errors(path):
        if created:
            make_private_directory(path.parent)
        descriptor = open_private(path)
    try:
        with disk_errors(path):
            if os.fstat(descriptor).st_size != cut:
                os.ftruncate(descriptor, cut)
            os.lseek(descriptor, cut, os.SEEK_SET)
        try:
            yield descriptor
        except Exception:
            with suppress(OSError):
                os.ftruncate(descriptor, cut)
            raise
    finally:
        os.close(descriptor)
