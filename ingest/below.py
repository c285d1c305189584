"""Files by their path below a directory: none of its parts is followed where it is a link, and none leads out of it."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ingest.files import PRIVATE_DIRECTORY, PRIVATE_FILE, disk_errors, fsync_directory, is_safe_path, printable

BLOCK_BYTES = 4 * 1024 * 1024

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def directory_below(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """A descriptor of `root/parts…`, each of them opened as a directory and not through a link. Raises `OSError`."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, PRIVATE_DIRECTORY, dir_fd=descriptor)
            below = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def parts_of(relative: str) -> tuple[list[str], str]:
    """The directories and the name of a path; raises `OSError` for one that could leave its root."""
    if not is_safe_path(relative):
        raise OSError(errno.EINVAL, "the path leaves its directory", printable(relative))
    *directories, name = relative.split("/")
    return directories, name


def open_below(root: Path, relative: str) -> tuple[int, int]:
    """A regular file for reading: its descriptor and its size. No part of the path may be a link. Raises `OSError`."""
    directories, name = parts_of(relative)
    with directory_below(root, directories) as directory:
        descriptor = os.open(name, _FILE, dir_fd=directory)
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", printable(relative))
    return descriptor, state.st_size


@contextmanager
def opened_below(root: Path, relative: str) -> Iterator[int]:
    """A descriptor of `open_below` for as long as the block lasts. Raises `OSError`."""
    descriptor, _ = open_below(root, relative)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def exists_below(root: Path, relative: str) -> bool:
    """Is there a regular file, not behind a link?"""
    try:
        descriptor, _ = open_below(root, relative)
    except OSError:
        return False
    os.close(descriptor)
    return True


def hash_below(root: Path, relative: str) -> tuple[int, str]:
    """Bytes and SHA-256 of a file; -1 and nothing where it cannot be read."""
    digest = hashlib.sha256()
    try:
        descriptor, size = open_below(root, relative)
    except OSError:
        return -1, ""
    try:
        while block := os.read(descriptor, BLOCK_BYTES):
            digest.update(block)
    except OSError:
        return -1, ""
    finally:
        os.close(descriptor)
    return size, digest.hexdigest()


def remove_below(root: Path, relative: str, *, keep: int = 1) -> None:
    """Delete a file, if it is there, and the directories that it leaves empty, but for the first `keep` of its path.

    A link in its path is not followed: nothing is deleted then. Raises IngestError where the disk refuses.
    """
    try:
        directories, name = parts_of(relative)
        with directory_below(root, directories) as directory:
            os.unlink(name, dir_fd=directory)
            _sync(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EINVAL):
            return
        with disk_errors(root / relative):
            raise
    parents, _ = parts_of(relative)
    while len(parents) > keep:
        try:
            with directory_below(root, parents[:-1]) as directory:
                os.rmdir(parents[-1], dir_fd=directory)
        except OSError:
            return  # not empty, or not there
        parents.pop()


def move_below(root: Path, source: str, target: str) -> None:
    """Rename a file, durably, into directories that are made where they are missing. Raises IngestError."""
    with disk_errors(root / target):
        source_parents, source_name = parts_of(source)
        target_parents, target_name = parts_of(target)
        with (
            directory_below(root, source_parents) as here,
            directory_below(root, target_parents, create=True) as there,
        ):
            os.replace(source_name, target_name, src_dir_fd=here, dst_dir_fd=there)
            _sync(there)
        for depth in range(len(target_parents)):
            fsync_directory(root.joinpath(*target_parents[:depth]))


def _sync(directory: int) -> None:
    """Make names durable; file systems that cannot are left alone."""
    with suppress(OSError):
        os.fsync(directory)


def create_below(root: Path, relative: str) -> int:
    """A descriptor of an empty file of mode 0600 for writing, directories made where missing. Raises `OSError`."""
    directories, name = parts_of(relative)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with directory_below(root, directories, create=True) as directory:
        return os.open(name, flags, PRIVATE_FILE, dir_fd=directory)
