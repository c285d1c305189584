"""Which directory git takes the hooks of a worktree from, and who else uses it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import git

from ingest.errors import IngestError
from ingest.files import is_inside
from ingest.hooks.script import shown

SETTING = "core.hooksPath"


@dataclass(frozen=True)
class Worktree:
    """One worktree of a repository; `is_there` is false where its directory is gone, `is_bare` has no files."""

    path: Path
    is_there: bool
    is_bare: bool = False


@dataclass(frozen=True)
class HooksPlace:
    """The hooks directory of one worktree.

    `scope` is git's name for where `core.hooksPath` is set ("local", "worktree", "global", "system", "command"), None
    where it is not; `origin` is the file. `is_shared`: other repositories may take their hooks from it too.
    `is_in_checkout`: it is among the files that the repository tracks.
    """

    directory: Path
    scope: str | None
    origin: str | None
    setting: str | None
    is_shared: bool
    is_in_checkout: bool


def worktrees(repository: Path) -> list[Worktree]:
    """The worktrees of the repository that a path is in, the main one (or the bare repository) first.

    Raises IngestError if it is in none.
    """
    code, listing, _ = run(repository, "worktree", "list", "--porcelain", "-z")
    separator = b"\0"
    if code:  # git before 2.36 has no -z
        separator = b"\n"
        listing = _output(repository, "worktree", "list", "--porcelain")
    found: list[Worktree] = []
    for entry in listing.split(separator * 2):
        fields = entry.strip(separator).split(separator)
        if fields[0].startswith(b"worktree "):
            path = Path(os.fsdecode(fields[0].removeprefix(b"worktree ")))
            found.append(Worktree(path, path.is_dir(), b"bare" in fields))
    return [_main(repository, found[0]), *found[1:]] if found else []


def _main(repository: Path, listed: Worktree) -> Worktree:
    """The main worktree: for a submodule, or with a separate git directory, git lists the git directory instead."""
    if listed.is_bare or not listed.is_there or (listed.path / ".git").exists():
        return listed
    code, output, _ = run(listed.path, "config", "-z", "--type=path", "--get", "core.worktree")
    if not code:
        path = _path(listed.path, output.removesuffix(b"\0"))
    elif _git_directory(repository) == _common_directory(repository):
        path = _top(repository)
    else:
        return listed
    return Worktree(path, path.is_dir())


def hooks_place(worktree: Path) -> HooksPlace:
    """Where git takes the hooks of a worktree (or a bare repository) from. Raises IngestError without a repository."""
    common = _common_directory(worktree)
    top = _top(worktree)
    code, answer, _ = run(worktree, "config", "-z", "--show-scope", "--show-origin", "--type=path", "--get", SETTING)
    if code:
        return HooksPlace(common / "hooks", None, None, None, is_shared=False, is_in_checkout=False)
    scope, origin, setting = (os.fsdecode(part) for part in answer.split(b"\0")[:3])
    # Not resolved: a link stays visible. git takes a relative path from the top of the worktree.
    directory = Path(os.path.normpath(top / setting))
    resolved = str(directory.resolve())
    in_git = is_inside(resolved, str(common))
    tops = [top, *(tree.path.resolve() for tree in worktrees(worktree) if not tree.is_bare)]
    in_checkout = not in_git and any(is_inside(resolved, str(each)) for each in tops)
    return HooksPlace(
        directory,
        scope,
        origin.removeprefix("file:"),
        setting,
        is_shared=scope not in ("local", "worktree") or not (in_git or in_checkout),
        is_in_checkout=in_checkout,
    )


def run(directory: Path, *arguments: str) -> tuple[int, bytes, str]:
    """(exit code, standard output, last line of standard error) of a git command that only reads, without a shell."""
    if not directory.is_dir():
        raise IngestError(f"There is no directory {shown(directory)}: give the path of a clone or a worktree.")
    try:
        command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *arguments]
        code, output, error = git.Git(os.fspath(directory)).execute(
            command, with_extended_output=True, with_exceptions=False, stdout_as_string=False,
            strip_newline_in_stdout=False, env={"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )  # fmt: skip
    except (git.GitCommandNotFound, OSError) as error:
        raise IngestError("git cannot be started: install git and put it on the PATH.") from error
    return code, output, (str(error).strip().split("\n") or [""])[-1]


def _output(directory: Path, *arguments: str) -> bytes:
    code, output, error = run(directory, *arguments)
    if code:
        raise IngestError(
            f"No git repository at {shown(directory)} ({shown(error) or 'git says nothing'}): "
            "give the path of a clone, a worktree or a bare repository."
        )
    return output


def _top(worktree: Path) -> Path:
    """The top of the worktree that a path is in; for a bare repository its own directory."""
    code, output, _ = run(worktree, "rev-parse", "--show-toplevel")
    return _git_directory(worktree) if code else _path(worktree, output)


def _common_directory(worktree: Path) -> Path:
    return _path(worktree, _output(worktree, "rev-parse", "--git-common-dir"))


def _git_directory(worktree: Path) -> Path:
    return _path(worktree, _output(worktree, "rev-parse", "--absolute-git-dir"))


def _path(directory: Path, output: bytes) -> Path:
    return (directory / os.fsdecode(output.removesuffix(b"\n"))).resolve()
