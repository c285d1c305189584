"""Which files of a data directory a backup has, and copying them without following a link."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ingest.data_repository import DATABASE_FILES, REPORTS, UNFINISHED
from ingest.files import PRIVATE_FILE, make_private_directory, write_all
from ingest.locks import HOLDER
from ingest.paths import DataDir

COPY_BYTES = 1 << 20
KEY = ".redaction_key"
# At the top: the data directory's own repository (its copy is its remote), what is no truth, and databases, which are
# copied on their own.
_LEFT_OUT = (".git", *(name.rstrip("/") for name in (*REPORTS, *DATABASE_FILES)), f"{KEY}*")
_UNFINISHED = tuple(name.rstrip("/") for name in UNFINISHED)


class UnreadableError(OSError):
    """A file that is being read gives no more: its disk is failing. Not the one that it is copied to."""


@dataclass(frozen=True)
class FoundFile:
    """A file below the data directory, by its path with `/`, and its state when it was listed."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class FoundFiles:
    """What is to be copied, and what is not: links, pipes, devices."""

    files: list[FoundFile]
    left_out: list[str]


def find_files(root: Path, *, with_key: bool) -> FoundFiles:
    """The truth below `root` and, where wanted, the redaction key; no databases. Raises OSError."""
    files: list[FoundFile] = []
    left_out: list[str] = []
    pending = [""]
    while pending:
        above = pending.pop()
        with os.scandir(root / above) as listing:
            entries = list(listing)
        for entry in entries:
            path = f"{above}/{entry.name}" if above else entry.name
            if _is_left_out(path, entry.name, with_key):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif entry.is_file(follow_symlinks=False):
                state = entry.stat(follow_symlinks=False)
                files.append(FoundFile(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
            else:
                left_out.append(path)
    return FoundFiles(sorted(files, key=lambda file: file.path), sorted(left_out))


def database_files(data: DataDir) -> list[FoundFile]:
    """The two databases, and what a program that was killed had not yet written into the first.

    That comes before it: a descriptor of `ope.db` that is closed ends every lock that this process has on the file, so
    nothing that the lock protects may be read after it.
    """
    found = []
    for path in (data.database.with_name(f"{data.database.name}.wal"), data.database, data.published):
        with suppress(FileNotFoundError):
            state = path.lstat()
            found.append(FoundFile(path.name, state.st_size, state.st_mtime_ns, state.st_ctime_ns))
    return found


def _is_left_out(path: str, name: str, with_key: bool) -> bool:
    if path == KEY or path.startswith(f"{KEY}-"):
        return not with_key
    if path == f"runs/{HOLDER}" or any(fnmatch(name, pattern) for pattern in _UNFINISHED):
        return True
    return "/" not in path and any(fnmatch(name, pattern) for pattern in _LEFT_OUT)


def read_hash(descriptor: int) -> tuple[int, str]:
    """Bytes and SHA-256 of what can be read from a descriptor, from its beginning."""
    return _read(descriptor, None)


def copy_to(descriptor: int, target: Path) -> tuple[int, str]:
    """Write what a descriptor holds to the new file `target`, mode 0600, durably; bytes and SHA-256 of it.

    Raises OSError; nothing is left of a copy that did not end.
    """
    make_private_directory(target.parent)
    output = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        try:
            copied = _read(descriptor, output)
            os.fsync(output)
        finally:
            os.close(output)
    except BaseException:
        with suppress(OSError):
            target.unlink()
        raise
    return copied


def _read(descriptor: int, output: int | None) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    os.lseek(descriptor, 0, os.SEEK_SET)
    while True:
        try:
            piece = os.read(descriptor, COPY_BYTES)
        except OSError as error:
            raise UnreadableError(error.errno, error.strerror) from error
        if not piece:
            return size, digest.hexdigest()
        digest.update(piece)
        size += len(piece)
        if output is not None:
            write_all(output, piece)
