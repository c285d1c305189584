"""What commits changed, from one stream of `git diff-tree` for all of them.

Three views of a commit come in one answer: the raw entries (status, modes, paths), the counts, and the patch. A mark
that nobody can guess ends each commit.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ingest.git_patch import SUBMODULE, CommitDiff, read_commit
from ingest.git_stream import Repository, StreamBroken, missing_objects, process
from ingest.redaction import Redactor

# Commits that are checked for missing objects at once, after the first one was met.
CAREFUL_COMMITS = 64

_OPTIONS = ("diff-tree", "--stdin", "-r", "-z", "--root", "--no-commit-id", "--no-abbrev", "--full-index", "--no-color")
_OPTIONS += ("--no-ext-diff", "--no-textconv", "--no-relative", "--src-prefix=a/", "--dst-prefix=b/", "-l1000")
_COUNTS = (*_OPTIONS, "--raw", "--numstat", "-M")
_PATCH = (*_COUNTS, "-p", "-U0")
_NAMES = (*_OPTIONS, "--raw", "-M100%")  # a rename without any change is found without reading a file


@dataclass(frozen=True)
class DiffRequest:
    """A commit and the parent to compare it with; None for a commit without parents."""

    sha: str
    parent: str | None

    @property
    def line(self) -> bytes:
        return (f"{self.sha} {self.parent}\n" if self.parent else f"{self.sha}\n").encode()


def read_diffs(
    repository: Repository, requests: Sequence[DiffRequest], redactor: Redactor, *, with_lines: bool
) -> Iterator[CommitDiff]:
    """One answer per request, in their order; a commit whose objects are missing is answered with its `damage`.

    Without `with_lines` (merges) the fingerprints are None. Never more than one file's lines are held in memory,
    but for a damaged repository, where some commits are held together.
    """
    done = 0
    try:
        for diff in _stream(repository, requests, redactor, _PATCH if with_lines else _COUNTS):
            done += 1
            yield diff
        return
    except StreamBroken:
        pass
    rest = iter(requests[done:])
    while chunk := list(islice(rest, CAREFUL_COMMITS)):
        yield from _careful(repository, chunk, redactor, with_lines)


def contents_of(repository: Repository, requests: Sequence[DiffRequest], redactor: Redactor) -> set[str]:
    """The objects that `read_diffs` would read besides commits and trees: both sides of each file that changed."""
    return {
        name
        for _, diff, _ in _unbroken(repository, requests, redactor, _NAMES)
        for name in (_objects(diff) if diff else ())
    }


def _objects(diff: CommitDiff) -> Iterator[str]:
    for file in diff.files:
        for name, mode in zip(file.objects, file.modes, strict=True):
            if mode not in (SUBMODULE, "000000"):
                yield name


def _careful(
    repository: Repository, requests: Sequence[DiffRequest], redactor: Redactor, with_lines: bool
) -> Iterator[CommitDiff]:
    """The same for a repository with holes: what is missing is looked up first, and what breaks git is passed over."""
    answers: dict[str, CommitDiff] = {}
    for request, diff, error in _unbroken(repository, requests, redactor, _NAMES):
        answers[request.sha] = diff or CommitDiff(damage=f"tree cannot be read: {error}")
    wanted = {name for diff in answers.values() for name in _objects(diff)}
    missing = missing_objects(repository, sorted(wanted))
    for diff in answers.values():
        holes = {name for file in diff.files for name in file.objects if name in missing}
        if holes:
            diff.damage = f"{len(holes)} missing objects, such as {min(holes)}"
    whole = [request for request in requests if not answers[request.sha].damage]
    for request, diff, error in _unbroken(repository, whole, redactor, _PATCH if with_lines else _COUNTS):
        if diff:
            answers[request.sha] = diff
        else:
            answers[request.sha].damage = f"content cannot be read: {error}"
    for request in requests:
        yield answers[request.sha]


def _unbroken(
    repository: Repository, requests: Sequence[DiffRequest], redactor: Redactor, command: Sequence[str]
) -> Iterator[tuple[DiffRequest, CommitDiff | None, str]]:
    """(request, its diff or None, what git said), starting git again after each commit that ends it."""
    position = 0
    while position < len(requests):
        try:
            for diff in _stream(repository, requests[position:], redactor, command):
                yield requests[position], diff, ""
                position += 1
        except StreamBroken as error:
            yield requests[position], None, str(error)
            position += 1


def _stream(
    repository: Repository, requests: Sequence[DiffRequest], redactor: Redactor, command: Sequence[str]
) -> Iterator[CommitDiff]:
    if not requests:
        return
    # diff-tree repeats a line that is no commit as it stands: the end of the commit before it.
    mark = f"#{secrets.token_hex(16)}\n".encode()
    feed = (part for request in requests for part in (request.line, mark))
    with process(repository, command, feed) as stream:
        for _ in requests:
            diff = read_commit(stream.out, mark, redactor, with_lines="-p" in command)
            if diff is None:
                stream.finish()
                raise StreamBroken(stream.said() or "git ended early")
            yield diff
