"""Git's plumbing as streams: opening a repository, running a command, reading objects.

Every command runs through GitPython without a shell. Names from the repository are never arguments: object names go in
by standard input. Nothing is fetched, locked or written, and no setting of the user changes what comes out.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import git

from ingest.errors import IngestError
from ingest.files import disk_errors
from ingest.repositories import open_repository

READ_BUFFER = 1 << 16
ERROR_TAIL = 2_000

_SETTINGS = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    "core.attributesFile=",
    "core.commitGraph=false",
    "diff.algorithm=myers",
    "diff.indentHeuristic=true",
    "diff.interHunkContext=0",
    "diff.ignoreSubmodules=none",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "diff.relative=false",
    "diff.renames=true",
    "diff.submodule=short",
    "diff.suppressBlankEmpty=false",
    "gc.auto=0",
    "protocol.allow=never",
)


class StreamBroken(Exception):
    """Git ended before its answer was complete; the text is the end of what it said."""


@dataclass(frozen=True)
class Repository:
    """A repository to read. `workspace` is an empty directory: no checkout's attributes or index take part."""

    git_dir: Path
    workspace: Path
    git: git.Git


@contextmanager
def opened(path: Path) -> Iterator[Repository]:
    """Open the repository that `path` is in: a checkout or a path inside it, a worktree, or a bare one.

    Raises IngestError, in one sentence, if there is none or git refuses it.
    """
    with tempfile.TemporaryDirectory(prefix="ope-git-") as workspace, open_repository(path) as repository:
        directory = Path(repository.common_dir).resolve()
        command = git.Git(workspace)
        command.update_environment(
            GIT_DIR=str(directory),
            GIT_WORK_TREE=workspace,
            GIT_INDEX_FILE=f"{workspace}/index",
            GIT_ALLOW_PROTOCOL="none",
            GIT_ATTR_NOSYSTEM="1",
            GIT_CEILING_DIRECTORIES=workspace,
            GIT_DIFF_OPTS="",
            GIT_FLUSH="0",
            GIT_GRAFT_FILE=f"{workspace}/grafts",
            GIT_NO_LAZY_FETCH="1",
            GIT_NO_REPLACE_OBJECTS="1",
            GIT_OPTIONAL_LOCKS="0",
            GIT_PAGER="cat",
            GIT_TERMINAL_PROMPT="0",
            LC_ALL="C",
        )
        yield Repository(directory, Path(workspace), command)


@contextmanager
def process(repository: Repository, arguments: Sequence[str], stdin: Iterable[bytes] | None = None) -> Iterator[Stream]:
    """Run one git command and read its standard output as it comes.

    Standard input is a temporary file, so that neither side ever waits for the other.
    """
    with tempfile.TemporaryFile() as feed:
        with disk_errors(Path(tempfile.gettempdir())):
            feed.writelines(stdin or ())
            feed.flush()
            feed.seek(0)
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            running = repository.git.execute(
                ["git", "--no-pager", *settings, *arguments], as_process=True, istream=feed, with_extended_output=False
            )
        except (git.GitCommandNotFound, OSError) as error:
            raise IngestError("git cannot be started: install git and put it on the PATH.") from error
        stream = Stream(running)
        try:
            yield stream
        finally:
            stream.close()


class Stream:
    """Standard output of a running git command, with the end of its standard error."""

    def __init__(self, running: Any) -> None:
        self._process = running.proc
        self._keep = running  # ends the process when it is dropped
        self.out: io.BufferedReader = running.stdout
        self._errors = b""
        # A full pipe of warnings would stop git for ever.
        self._drain = threading.Thread(target=self._read_errors, daemon=True)
        self._drain.start()

    def _read_errors(self) -> None:
        while block := self._process.stderr.read1(READ_BUFFER):
            self._errors = (self._errors + block)[-ERROR_TAIL:]

    def lines(self) -> Iterator[bytes]:
        """Every line without its end; then `StreamBroken` if the command failed."""
        for line in self.out:
            yield line.rstrip(b"\n")
        self.finish()

    def finish(self) -> str:
        """Wait for the end and return what git said; raises `StreamBroken` if it failed."""
        status = self._process.wait()
        if status:
            raise StreamBroken(self.said() or f"git ended with status {status}")
        return self.said()

    def said(self) -> str:
        """The end of standard error on one line."""
        self._drain.join()
        return " · ".join(self._errors.decode("utf-8", "replace").split("\n")).strip(" ·")

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._drain.join()
        self.out.close()
        self._process.stderr.close()


def object_kinds(repository: Repository, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(object name, its type or "missing")."""
    wanted = list(names)
    if wanted:
        feed = (f"{name}\n".encode() for name in wanted)
        with process(repository, ["cat-file", "--batch-check=%(objecttype)", "--buffer"], feed) as stream:
            for name in wanted:
                yield name, (stream.out.readline().decode("ascii", "replace").split() or ["missing"])[-1]


def missing_objects(repository: Repository, names: Iterable[str]) -> set[str]:
    """Those of the objects that are not there (a partial or damaged clone)."""
    return {name for name, kind in object_kinds(repository, names) if kind == "missing"}


def read_objects(repository: Repository, names: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """(commit, its raw object) in the given order; None where it is missing or unreadable."""
    position = 0
    while position < len(names):
        rest = names[position:]
        is_cut = False
        with process(
            repository, ["cat-file", "--batch", "--buffer"], (f"{name}\n".encode() for name in rest)
        ) as stream:
            for name in rest:
                header = stream.out.readline().split()
                if not header:
                    break
                position += 1
                if len(header) == 3 and header[2].isdigit():
                    size = int(header[2])
                    content = stream.out.read(size + 1)
                    is_cut = len(content) <= size
                    yield name, None if is_cut or header[1] != b"commit" else content[:-1]
                else:
                    yield name, None
        if position < len(names) and not is_cut:
            # Git stopped at a damaged object: that one is unreadable, the next ones may not be.
            yield names[position], None
            position += 1
