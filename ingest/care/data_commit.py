"""`sync --commit`: what the archive gained becomes a commit in the data directory's own repository, and only there."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ingest.care.git_command import GitAnswer, run_git
from ingest.data_repository import mark_as_data, refuse_shared_remote
from ingest.errors import IngestError
from ingest.files import disk_errors, printable, write_atomically
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.privacy.check import check_paths
from ingest.redaction import KEY_BYTES, Redactor
from ingest.registry import load_projects
from ingest.repositories import common_directory
from ingest.runlog import step
from ingest.settings import setting
from ingest.terminal import many

# What the archive owns. A gain is what is new in the first ones; the run log grows with every sync, also without any.
GAIN = ("raw", "processed", "validation", "archived")
OWNED = (*GAIN, "runs/*.jsonl", "projects.json", "forgotten.jsonl", ".gitignore")
FALLBACK = {"user.name": "OPE", "user.email": "ope@localhost"}
# Files of git's own directory that say that something is not finished, and what that is.
UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisect",
}
# Says that what is staged was staged here: a kill between `git add` and `git commit` must not stop all later ones.
MARKER = "ope-data-commit"
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class DataCommit:
    """A commit that was made, and its counts: files that are new as sessions, lines that were added to sessions.

    `sha` is None where the archive gained nothing; `remarks` are sentences for the user.
    """

    sha: str | None
    subject: str = ""
    sessions: int = 0
    lines: int = 0
    files: int = 0
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Gain:
    """What is staged: paths of the archive's content, new sessions, lines added to sessions, and whose they are."""

    files: int
    sessions: int
    lines: int
    projects: list[str]


def commit_gain(data: DataDir, run_id: str) -> DataCommit:
    """Commit what the archive gained since the last commit. Runs no hook, asks nothing, signs and pushes nothing.

    Raises IngestError, with everything in the repository as it was, where there is none of its own, it shares a remote
    with the program, a project is registered from it, or somebody is at work in it.
    """
    root = data.root.resolve()
    with data_lock(data, "sync --commit"):
        git_directory = _own_repository(root)
        refuse_shared_remote(root)
        _refuse_loop(data, root)
        _refuse_unfinished(root, git_directory)
        with step(data, run_id, "commit") as counts:
            made = _commit(data, root, git_directory, run_id)
            counts |= {"sessions": made.sessions, "lines": made.lines, "files": made.files}
    return made


def _own_repository(root: Path) -> Path:
    """The git directory of the repository whose top is `root`. Raises IngestError."""
    found = run_git(root, "rev-parse", "--show-toplevel", "--absolute-git-dir") if root.is_dir() else None
    shown = printable(str(root))
    if found is None or found.code:
        if found and (root / ".git").exists():
            raise IngestError(f"git refuses the repository in {shown} ({found.error}): put that right there.")
        raise IngestError(f"{shown} is no git repository: make it one with `python -m ingest init-data`.")
    top, git_directory = found.text.split("\n", 1)
    if Path(top).resolve() != root:
        raise IngestError(
            f"{shown} is inside another repository ({printable(top)}): logs are never committed there; make it one of "
            "its own with `python -m ingest init-data`."
        )
    return Path(git_directory)


def _refuse_loop(data: DataDir, root: Path) -> None:
    """A commit of the archive would be one more commit to archive, and that one more to commit."""
    mine = common_directory(root)
    for project in load_projects(data):
        for place in filter(None, (project.repository, *project.repository_paths)):
            if Path(place).is_dir() and common_directory(Path(place)) == mine:
                raise IngestError(
                    f"The project {project.project_id!r} is registered from the data directory's own repository: each "
                    "commit of the archive would be one more to archive; take it out with `python -m ingest "
                    f"remove-project {project.project_id}`."
                )


def _refuse_unfinished(root: Path, git_directory: Path) -> None:
    """Raise where somebody is in the middle of something: nothing of theirs may get into our commit."""
    shown = printable(str(root))
    if (git_directory / "index.lock").exists():
        raise IngestError(
            f"Another git command is at work in {shown}, or was killed: if none is, delete "
            f"{printable(str(git_directory / 'index.lock'))}; the next sync commits."
        )
    for name, what in UNFINISHED.items():
        if (git_directory / name).exists():
            raise IngestError(f"{what.capitalize()} is not finished in {shown}: finish or abort it there.")
    if run_git(root, "symbolic-ref", "--quiet", "HEAD").code:
        raise IngestError(f"No branch is checked out in {shown}: `git switch main` there.")
    staged = _good(run_git(root, "diff", "--cached", "--no-renames", "--name-only", "-z"), root).fields
    if not staged:
        with suppress(OSError):
            (git_directory / MARKER).unlink()
    elif not (git_directory / MARKER).exists() or not all(map(_is_owned, staged)):
        raise IngestError(
            f"Something is staged in {shown} ({printable(staged[0])}): commit it there, or `git reset` it."
        )


def _is_owned(path: str) -> bool:
    first, _, rest = path.partition("/")
    return (first in GAIN and bool(rest)) or path in OWNED or (first == "runs" and path.endswith(".jsonl"))


def _commit(data: DataDir, root: Path, git_directory: Path, run_id: str) -> DataCommit:
    mark_as_data(root)
    if not _has_gain(root):
        return DataCommit(None)
    present = [path for path in OWNED if "*" in path or os.path.lexists(root / path)]
    paths = [path for path in present if "*" not in path or any(root.glob(path))]
    # Somebody may keep a part of it out of git; naming that to `git add` would be an error.
    named = b"".join(path.encode() + b"\0" for path in paths if "*" not in path)
    ignored = run_git(root, "check-ignore", "--stdin", "-z", typed=named).fields
    paths = [path for path in paths if path not in ignored]
    write_atomically(git_directory / MARKER, run_id.encode())
    # New and changed files only: what is deleted here is not to vanish from the last commit too.
    _good(run_git(root, "add", "--ignore-removal", "--", *paths), root)
    unread = _refuse_secrets(root)
    gain = _staged(root)
    subject = _subject(gain)
    message = f"{subject}\n\n{setting('data_commit_trailer')}: {run_id}\n"
    identity = [f"{name}={value}" for name, value in FALLBACK.items() if not run_git(root, "config", name).text]
    done = run_git(
        root,
        *("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim", "--file=-"),
        typed=message.encode(),
        settings=tuple(identity),
    )
    _good(done, root)
    with disk_errors(git_directory):
        (git_directory / MARKER).unlink(missing_ok=True)
    sha = _good(run_git(root, "rev-parse", "HEAD"), root).text
    return DataCommit(sha, subject, gain.sessions, gain.lines, gain.files, unread + _remarks(data, root))


def _refuse_secrets(root: Path) -> list[str]:
    """Raise, with nothing staged, where the redaction rules find something in what would be committed: it stays there.

    No hook runs for these commits, so they are looked at here. Returns a remark on what could not be read.
    """
    staged = _good(
        run_git(root, "diff", "--cached", "--no-renames", "--diff-filter=d", "--name-only", "-z"), root
    ).fields
    # a finding is one under any key
    checked = check_paths([root / path for path in staged], Redactor.load(os.urandom(KEY_BYTES)), below=root)
    if checked.hits:
        _good(run_git(root, "reset", "--quiet"), root)
        raise IngestError(
            f"The redaction rules find {many(checked.findings, 'secret')} in what would be committed, the first "
            f"{checked.hits[0].place}: revoke what is real and run `python -m ingest redact --rewrite`; the next sync "
            "commits."
        )
    if not checked.unread:
        return []
    first = checked.unread[0]
    return [
        f"{many(len(checked.unread), 'committed file')} could not be searched for secrets, the first {first.path} "
        f"({first.reason}): look at what `python -m ingest redact --check` names, and let no secret stay in git."
    ]


def _has_gain(root: Path) -> bool:
    """Is anything of the archive's content new or changed, staged by a killed run or not?"""
    present = [path for path in GAIN if os.path.lexists(root / path)]
    if not present:
        return False
    answer = _good(
        run_git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *present), root
    )
    return any(entry[1:2] != "D" and entry[:1] != "D" for entry in answer.fields)


def _staged(root: Path) -> _Gain:
    listing = _good(run_git(root, "diff", "--cached", "--no-renames", "--name-status", "-z"), root).fields
    changes = [(path, status) for status, path in zip(listing[::2], listing[1::2], strict=True)]
    gained = [(path, status) for path, status in changes if path.partition("/")[0] in GAIN]
    counted = _good(
        run_git(
            root,
            *("diff", "--cached", "--no-renames", "--no-ext-diff", "--no-textconv", "--numstat", "-z", "--", "raw"),
        ),
        root,
    ).fields
    lines = 0
    for entry in counted:
        added, _, path = entry.split("\t", 2)
        lines += int(added) if added.isdigit() and _is_session(path) else 0
    return _Gain(
        len(gained),
        sum(status == "A" and _is_session(path) for path, status in gained),
        lines,
        sorted({path.split("/")[1] for path, _ in gained if path.count("/") > 1}),
    )


def _is_session(path: str) -> bool:
    parts = path.split("/")
    return parts[0] == "raw" and parts[2:3] == ["sessions"] and path.endswith(".jsonl")


def _subject(gain: _Gain) -> str:
    """`data: add 12 sessions, 3,400 lines (my-project)`."""
    counted = [many(gain.sessions, "session")] if gain.sessions else []
    counted += [many(gain.lines, "line")] if gain.lines else []
    what = ", ".join(counted) or many(gain.files, "file")
    whose = gain.projects[0] if len(gain.projects) == 1 else many(len(gain.projects), "project")
    return f"data: add {what}" + (f" ({printable(whose)})" if gain.projects else "")


def _remarks(data: DataDir, root: Path) -> list[str]:
    remarks = []
    limit = setting("data_commit_warn_mb")
    for project in load_projects(data):
        committed = _good(run_git(root, "ls-files", "-z", "--", f"raw/{project.project_id}"), root).fields
        archived = sum(_size(root / path) for path in committed) // MEGABYTE
        if archived > limit:
            remarks.append(
                f"The archive of {project.project_id} has {archived:,} MB, more than the {limit} MB up to which git is "
                "a good place: each night stores every file that grew once more. Write "
                f"`raw/{project.project_id}/` into the .gitignore of the data directory and rely on `backup`, or keep "
                "it in git LFS."
            )
    gone = _good(run_git(root, "ls-files", "--deleted", "-z", "--", *GAIN), root).fields
    if gone:
        remarks.append(
            f"{many(len(gone), 'committed file')} not there any more, the first {printable(gone[0])}: that is not "
            "committed; `git restore` brings them back, `git add --update` and a commit let them go."
        )
    return remarks


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def _good(answer: GitAnswer, root: Path) -> GitAnswer:
    if answer.code:
        raise IngestError(
            f"git failed in {printable(str(root))} ({answer.error or 'it says nothing'}): put that right there; the "
            "next sync commits."
        )
    return answer
