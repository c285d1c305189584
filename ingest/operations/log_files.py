"""Old logs: compressed after a week, deleted after a month (variables `log_compress_after_days`, `log_keep_days`)."""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import zlib
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from ingest.files import disk_errors, open_private, open_regular, write_atomically
from ingest.operations.logs import STREAMS
from ingest.paths import DataDir
from ingest.runlog import now
from ingest.settings import setting

_NAME = re.compile(rf"(?:{'|'.join(STREAMS)})-(\d{{4}}-\d\d-\d\d)\.jsonl(\.gz)?")


@dataclass
class CleanedLogs:
    """What was (or would be) done: file names, and the bytes that this frees."""

    compressed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    freed_bytes: int = 0
    dry_run: bool = False


def clean_logs(data: DataDir, *, dry_run: bool = False, today: date | None = None) -> CleanedLogs:
    """Compress and delete logs by the day in their name. Only files with such names are touched; links never.

    A file of a day to come (a clock that jumped back) waits for its day. Raises IngestError when the disk refuses; what
    was finished stays, and the next run goes on.
    """
    done = CleanedLogs(dry_run=dry_run)
    today = today or now().date()
    keep_from = today - timedelta(days=int(setting("log_keep_days")))
    plain_from = today - timedelta(days=int(setting("log_compress_after_days")))
    if data.logs.is_symlink() or not data.logs.is_dir():
        return done
    for path in sorted(data.logs.iterdir()):
        named = _NAME.fullmatch(path.name)
        day = _day(named[1]) if named else None
        if named is None or day is None or path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        if day < keep_from:
            done.deleted.append(path.name)
            done.freed_bytes += size
            if not dry_run:
                with disk_errors(path):
                    path.unlink(missing_ok=True)
        elif day < plain_from and not named[2]:
            done.compressed.append(path.name)
            if not dry_run:
                done.freed_bytes += size - _compress(path)
    return done


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _compress(path: Path) -> int:
    """Put the file's lines behind those of its compressed one, and take it away; by how many bytes that one grew."""
    compressed = path.with_name(f"{path.name}.gz")
    with disk_errors(path):
        descriptor = open_private(path)
        try:
            # whoever logs to this day waits, and then sees that the file has gone
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            content = _read(path)
            packed = _read(compressed)
            try:
                lines = gzip.decompress(packed)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                lines, packed = b"", b""  # nobody can read it any more
            # Killed before the file was taken away: its lines are the last of the compressed ones.
            if not lines.endswith(content):
                write_atomically(compressed, packed + gzip.compress(content, mtime=0))
            path.unlink()
        finally:
            os.close(descriptor)
    return compressed.stat().st_size - len(packed)


def _read(path: Path) -> bytes:
    """The whole file, never through a link; nothing where there is none."""
    try:
        descriptor, _ = open_regular(path)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        return file.read()
