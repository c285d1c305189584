"""Safe file handling: private modes, atomic replacement, opening without following links, locks."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.errors import IngestError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700

_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|$)")
_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
    errno.EROFS: "the file system is read-only: choose another data directory with OPE_DATA_DIR",
    errno.EACCES: "permission denied: give this user write access and run the same command again",
    errno.EPERM: "permission denied: give this user write access and run the same command again",
}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an operating-system error on one of our own files into an `IngestError` of one sentence."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, f"{error.strerror or error}; check the path and run the command again")
        raise IngestError(f"Cannot write {printable(str(path))}: {advice}.") from error


def make_private_directory(path: Path) -> None:
    """Create `path` and its missing parents, each with mode 0700; what exists keeps its mode."""
    missing = []
    current = path
    while not current.is_dir():
        missing.append(current)
        if current.parent == current:
            break
        current = current.parent
    for directory in reversed(missing):
        with suppress(FileExistsError):
            directory.mkdir(PRIVATE_DIRECTORY)
        if not directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))


def close_to_others(directory: Path) -> None:
    """Give a directory of this user's own mode 0700 (a clone's has what git gave it); elsewhere it keeps its mode."""
    with suppress(OSError):
        directory.chmod(PRIVATE_DIRECTORY)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte: `os.write` may stop early on a nearly full disk or a signal."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def fsync_directory(directory: Path) -> None:
    """Make new names in `directory` durable; file systems that cannot are left alone."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_atomically(path: Path, data: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace `path` by `data` in one step: a reader sees the old file or the new one, never a part.

    Raises `IngestError` when the disk refuses; the old file is then still there.
    """
    with disk_errors(path):
        make_private_directory(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            try:
                os.fchmod(descriptor, mode)
                write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            Path(temporary).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
        fsync_directory(path.parent)


def durable_replace(source: Path, target: Path) -> None:
    """Put the finished file `source` in the place of `target`: after a crash one of them is there. Raises `OSError`."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.replace(target)
    fsync_directory(target.parent)


def open_regular(path: Path) -> tuple[int, os.stat_result]:
    """Open a regular file for reading and return its descriptor and its state at that moment.

    Neither follows a symbolic link nor waits for the other end of a pipe. Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, state


def open_private(path: Path, *, truncate: bool = False) -> int:
    """Open (or create) one of our own files for writing with mode 0600, never through a link. Raises `OSError`."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_TRUNC if truncate else 0)
    descriptor = os.open(path, flags, PRIVATE_FILE)
    # A file that came from a backup or a clone may be readable by others.
    os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def append_line(path: Path, line: bytes) -> None:
    """Append one line (without its end) to a private file that several processes append to.

    Half a line that a killed process left stays alone on its line. Raises OSError.
    """
    line += b"\n"
    for _ in range(3):
        descriptor = open_private(path)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            state = os.fstat(descriptor)
            if not state.st_nlink:
                continue  # it was compressed while this process waited for it
            if state.st_size and os.pread(descriptor, 1, state.st_size - 1) != b"\n":
                line = b"\n" + line
            os.lseek(descriptor, 0, os.SEEK_END)
            write_all(descriptor, line)
            return
        finally:
            os.close(descriptor)
    raise OSError(errno.EAGAIN, "the file was replaced three times meanwhile", str(path))


def is_safe_path(relative: str) -> bool:
    """Whether a path of `/`-separated parts stays below the directory that it is joined to."""
    return "\0" not in relative and not any(part in ("", ".", "..") for part in relative.split("/"))


def safe_join(root: Path, relative: str) -> Path:
    """`root/relative` for a path that must stay below `root`; raises `IngestError` for one that leaves it."""
    if not is_safe_path(relative):
        raise IngestError(f"The path {printable(relative)!r} leaves {root}: correct the file that names it.")
    return root.joinpath(*relative.split("/"))


def printable(text: str) -> str:
    """The text with bytes that are not UTF-8 (lone surrogates in a file name) written as %XX."""
    if text.isascii():
        return text
    return "".join(
        f"%{ord(char) - 0xDC00:02X}"
        if 0xDC80 <= ord(char) <= 0xDCFF
        else ("%3F" if 0xD800 <= ord(char) <= 0xDFFF else char)
        for char in text
    )


def normal_path(text: str) -> str:
    """A path for comparison: no trailing slash; a Windows drive in upper case with forward slashes.

    The same drive is written in two cases by Windows and WSL; nothing else of a path is changed.
    """
    if _WINDOWS_DRIVE.match(text):
        text = text[0].upper() + text[1:].replace("\\", "/")
    return text.rstrip("/") or "/"


def is_inside(path: str, parent: str) -> bool:
    """Whether `path` is `parent` or below it, both as text (neither has to exist)."""
    path, parent = normal_path(path), normal_path(parent)
    return path == parent or path.startswith(parent.rstrip("/") + "/")


class LockHeldError(IngestError):
    """Another process holds `directory`."""

    def __init__(self, directory: Path, what: str) -> None:
        super().__init__(
            f"Another command is using {what} in {printable(str(directory))}: wait for its end and try again."
        )
        self.directory = directory


@contextmanager
def exclusive_lock(directory: Path, what: str) -> Iterator[bool]:
    """Hold `directory` for this process; a second one gets a `LockHeldError` that names `what`.

    The lock is on the directory itself, so that no lock file is left behind, and ends with the process. Yields False on
    a file system that knows no locks, where nothing is held.
    """
    with disk_errors(directory):
        make_private_directory(directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    is_locked = True
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockHeldError(directory, what) from error
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF, errno.EINVAL):
                raise
            is_locked = False
        yield is_locked
    finally:
        os.close(descriptor)
