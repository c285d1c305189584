"""Files without a manifest redacted anew: histories, labels, notes, the run log, logs and outputs, each in one step."""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

from ingest.archive_plan import name_redactor
from ingest.files import exclusive_lock, open_regular, printable, write_atomically
from ingest.landing_labels import LABEL_LOCK
from ingest.paths import DataDir
from ingest.privacy.check import engine_search, search_file
from ingest.privacy.reading import HEAD_BYTES, is_packed, table_kind
from ingest.privacy.renewal import RenewalError, renew, renew_csv
from ingest.privacy.rewrite_archive import Rewritten
from ingest.redaction import Redactor

PACKED, GZIP = ".gz", b"\x1f\x8b"


def rewrite_project_texts(data: DataDir, project_id: str, redactor: Redactor, *, dry_run: bool) -> Rewritten:
    """Redact a project's history, labels and notes anew. The caller holds the data directory; raises IngestError."""
    done = Rewritten()
    own = [data.metadata(project_id), data.notes(project_id), *_files(data.processed(project_id))]
    _rewrite(data, own, redactor, done, dry_run=dry_run)
    labels = list(_files(data.validation(project_id)))
    with exclusive_lock(data.validation(project_id), LABEL_LOCK) if labels and not dry_run else nullcontext():
        _rewrite(data, labels, redactor, done, dry_run=dry_run)
    return done


def rewrite_common_texts(data: DataDir, redactor: Redactor, *, dry_run: bool) -> Rewritten:
    """Redact anew what belongs to no project: links in doubt, the run log, logs, and what runs left to read."""
    done = Rewritten()
    validation = data.low_confidence.parent
    paths = list(_files(validation, deep=False))
    paths += [path for path in _files(data.runs, deep=False) if path.suffix == ".jsonl"]
    paths += [*_files(data.logs), *_files(data.outputs)]
    _rewrite(data, paths, redactor, done, dry_run=dry_run)
    return done


def _files(directory: Path, *, deep: bool = True) -> Iterator[Path]:
    """Regular files, without following a link."""
    with suppress(OSError):
        if directory.is_symlink():
            return
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
            if entry.is_file(follow_symlinks=False):
                yield directory / entry.name
            elif deep and entry.is_dir(follow_symlinks=False):
                yield from _files(directory / entry.name)


def _rewrite(data: DataDir, paths: list[Path], redactor: Redactor, done: Rewritten, *, dry_run: bool) -> None:
    clean = name_redactor(redactor.redact_text)
    for path in paths:
        shown = clean(printable(path.relative_to(data.root).as_posix()))
        try:
            size, rules = _rewrite_file(path, redactor, dry_run=dry_run)
        except FileNotFoundError:
            continue
        except (RenewalError, OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            done.failures.append(f"{shown} stays as it is: {reason}.")
            continue
        done.files += 1
        done.bytes += size
        done.add(shown, rules)


def _rewrite_file(path: Path, redactor: Redactor, *, dry_run: bool) -> tuple[int, Counter[str]]:
    """Redact a file in one step; its size before, and how often each rule found something. Raises as `_rewrite`."""
    descriptor, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as stream:
        if not dry_run:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)  # whoever appends to it waits, and then sees that it was replaced
        if _holds_no_text(path, stream.peek(HEAD_BYTES)[:HEAD_BYTES], redactor):
            return os.fstat(stream.fileno()).st_size, Counter()
        content = stream.read()
        is_gzip = content.startswith(GZIP)
        old = gzip.decompress(content) if is_gzip else content
        new, rules = _redacted(path.name.removesuffix(PACKED), old, redactor)
        if rules and not dry_run:
            write_atomically(path, gzip.compress(new, mtime=0) if is_gzip else new)
    return len(content), rules


def _holds_no_text(path: Path, head: bytes, redactor: Redactor) -> bool:
    """Is it a database, Parquet or packed, but not as logs are? Raises RenewalError where it holds a finding."""
    if head.startswith(GZIP) or (table_kind(head) is None and not is_packed(head)):
        return False
    hits, unread = search_file(path, path.name, engine_search(redactor), redactor.redact_text)
    if hits:
        raise RenewalError(f"it holds what {hits[0].rule} finds, and is no text: make it anew or delete it")
    if unread:
        raise RenewalError(f"it could not be read ({unread[0].reason})")
    return True


class _Kept(io.BytesIO):
    """Bytes that are still there when the writer has closed it."""

    def close(self) -> None:
        pass


def _redacted(name: str, content: bytes, redactor: Redactor) -> tuple[bytes, Counter[str]]:
    if name.endswith(".csv"):
        return renew_csv(content, redactor)
    output = _Kept()
    renewed = renew(io.BytesIO(content), name, redactor, lambda: output)
    return (output.getvalue() if renewed.rules else content), renewed.rules
