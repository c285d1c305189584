"""The sample's git repository: real commits, made by git, with the same hashes on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ingest.errors import IngestError

# Everything that a configuration could change and that would change a hash or the text that git prints.
_SETTINGS = (
    "core.abbrev=7",
    "core.autocrlf=false",
    "core.fileMode=true",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "diff.renames=true",
    "diff.algorithm=myers",
    "gc.auto=0",
    "i18n.commitEncoding=UTF-8",
    "maintenance.auto=false",
    "merge.log=false",
)


@dataclass(frozen=True)
class Person:
    """Who a commit is by, and the offset of that person's clock from UTC (`+0100`)."""

    name: str
    email: str
    zone: str = "+0000"


SAM = Person("Sam Hale", "sam@example.com", "+0100")
SAM_IN_SUMMER = replace(SAM, zone="+0200")
ROSA = Person("Rosa Lind", "rosa@example.com", "+0100")
ROSA_IN_SUMMER = replace(ROSA, zone="+0200")
BOT = Person("dependabot[bot]", "dependabot[bot]@example.com")


class Repository:
    """A working tree. What is done in it raises `IngestError` when git is missing or refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, root: Path) -> Repository:
        """A repository built from nothing: `root` must not exist."""
        root.mkdir(parents=True)
        repository = cls(root)
        repository.git("init", "--quiet", "--initial-branch=main", "--object-format=sha1", "--template=", ".")
        return repository

    def git(self, *arguments: str, person: Person = SAM, at: datetime | None = None) -> str:
        """Run one git command and return what it prints; `at` is its instant (UTC), for the commit and the reflog."""
        return run_git(self.root, *arguments, person=person, at=at)

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, content: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def move(self, source: str, target: str) -> None:
        (self.root / target).parent.mkdir(parents=True, exist_ok=True)
        self.git("mv", source, target)

    def commit(self, message: str, at: datetime, person: Person = SAM) -> str:
        """Commit the whole tree and return git's own announcement: `[main 1a2b3c4] subject` and the statistics."""
        self.git("add", "--all")
        return self.git("commit", "--cleanup=verbatim", "--no-verify", f"--message={message}", person=person, at=at)

    def merge(self, branch: str, message: str, at: datetime, person: Person = SAM) -> None:
        self.git("merge", "--quiet", "--no-ff", "--no-verify", "-m", message, branch, person=person, at=at)

    def merge_squashed(self, branch: str, message: str, at: datetime, person: Person = SAM) -> None:
        """All that a branch has, as one commit that does not name it as a parent."""
        self.git("merge", "--quiet", "--squash", branch, at=at)
        self.commit(message, at, person)

    def copy_commits(self, *commits: str, at: datetime) -> None:
        """The same changes again on top of what is checked out, by the same author: what a rebase does."""
        self.git("cherry-pick", *commits, at=at)

    def push(self, branch: str) -> None:
        """What the other side has of a branch from now on; there is no other side."""
        self.git("update-ref", f"refs/remotes/origin/{branch}", f"refs/heads/{branch}")

    def add_worktree(self, name: str, branch: str, at: datetime) -> Repository:
        """A second working tree beside this one, on a new branch."""
        root = self.root.with_name(name)
        self.git("worktree", "add", "--quiet", "-b", branch, str(root), at=at)
        return Repository(root)

    def leave_worktree(self, tree: Repository, path: str) -> None:
        """Take the working tree off this disk. git goes on listing it, at the path where its sessions knew it."""
        known = self.root / ".git" / "worktrees" / tree.root.name
        (known / "gitdir").write_text(f"{path}/.git\n", encoding="utf-8")
        (known / "locked").write_text("on another disk\n", encoding="utf-8")
        shutil.rmtree(tree.root)


def run_git(root: Path, *arguments: str, person: Person = SAM, at: datetime | None = None) -> str:
    """Run git in `root`, deaf to the user's configuration, templates, hooks, language and time zone."""
    date = f"{int(at.timestamp())} {person.zone}" if at else ""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(root),
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(root.parent),
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": person.name,
        "GIT_AUTHOR_EMAIL": person.email,
        "GIT_COMMITTER_NAME": person.name,
        "GIT_COMMITTER_EMAIL": person.email,
    }
    if date:
        environment |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *settings, *arguments], cwd=root, env=environment, capture_output=True, check=False, text=True
        )
    except FileNotFoundError as error:
        raise IngestError("The sample needs git, which is not on PATH; install git and run it again.") from error
    if done.returncode:
        reason = (done.stderr or done.stdout).strip()
        raise IngestError(
            f"git {arguments[0]} failed in the sample repository {root}: {reason}; remove it and try again."
        )
    return done.stdout.rstrip("\n")
