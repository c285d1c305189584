"""One source file from opening to archived bytes: which version it goes to, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ingest.archive_copy import (
    Copied,
    PrefixChangedError,
    SourceError,
    Start,
    Workshop,
    copy_lines,
)
from ingest.archive_plan import Work, next_version
from ingest.archive_text import copy_text
from ingest.files import disk_errors, open_regular, safe_join
from ingest.manifest import ManifestEntry


@dataclass(frozen=True)
class Outcome:
    """Where a file went and what was copied; `error` where it could not be read."""

    work: Work
    path: str
    version: int
    is_rewritten: bool = False
    copied: Copied | None = None
    error: str = ""


def copy_file(shop: Workshop, work: Work, progress: Callable[[int], None]) -> Outcome:
    """Bring the archived file of one source up to date; nothing counts before its manifest entry is committed.

    Raises IngestError when the disk refuses; whatever is wrong with the source is in the outcome.
    """
    old = work.entry
    path, version = (work.base, 1) if old is None else (old.path, old.version)
    is_rewritten = False
    try:
        source, state = open_regular(work.file.path)
    except OSError as error:
        return Outcome(work, path, version, error=error.strerror or str(error))
    copy = partial(
        copy_lines if work.base.endswith(".jsonl") else copy_text,
        shop,
        source,
        state,
        progress=progress,
    )
    try:
        try:
            if old is not None and (old.cold or (old.archived_bytes and not old.source_hash)):
                raise PrefixChangedError  # an entry without a source or without its file: nothing can be continued
            copied = copy(target=safe_join(shop.raw, path), start=_start(old))
            if copied.is_new_version:
                is_rewritten = True
                version, path = next_version(work.base, version, shop.taken)
                target = safe_join(shop.raw, path)
                with disk_errors(target):
                    shop.scratch.replace(target)
        except PrefixChangedError:
            is_rewritten = True
            version, path = next_version(work.base, version, shop.taken)
            copied = copy(target=safe_join(shop.raw, path), start=Start())
    except SourceError as error:
        return Outcome(work, path, version, error=str(error))
    finally:
        os.close(source)
    return Outcome(work, path, version, is_rewritten, copied)


def _start(entry: ManifestEntry | None) -> Start:
    if entry is None:
        return Start()
    return Start(
        consumed_bytes=entry.consumed_bytes,
        source_hash=entry.source_hash,
        archived_bytes=entry.archived_bytes,
        archived_lines=entry.archived_lines,
        content_hash=entry.content_hash,
        tail_taken=entry.tail_taken,
    )


class Meter:
    """Bytes done against bytes in all; a file counts in full when it is through, however much of it was read."""

    def __init__(self, total: int, report: Callable[[int, int], None] | None) -> None:
        self.total, self.report, self.done = total, report, 0

    def of_file(self, size: int) -> Callable[[int | None], None]:
        """A counter for one file of `size` new bytes: called with bytes read, or with None when the file is through."""
        left = size

        def add(read: int | None) -> None:
            nonlocal left
            step = left if read is None else min(read, left)
            left -= step
            self.done += step
            if self.report and step:
                self.report(self.done, self.total)

        return add
