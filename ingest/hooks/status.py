"""What is set up for each worktree of a repository, and whether commits carry the trailer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.hooks.place import Worktree, hooks_place, run, worktrees
from ingest.hooks.script import inspect, packaged_version
from ingest.instrumentation import session_ids

TRAILER = "claude-session-id"
GONE, BARE = "directory is gone", "bare repository"


@dataclass(frozen=True)
class WorktreeHook:
    """One worktree: its hooks directory, what stands there (see `script.Installed`), and its last commits.

    `state` may also be "directory is gone", "bare repository", or one sentence where it could not be read.
    `commits` counts the last ones of its HEAD that are no merges, `commits_with_id` those that carry the trailer.
    """

    path: Path
    state: str
    directory: Path | None = None
    scope: str | None = None
    origin: str | None = None
    version: int | None = None
    is_intact: bool = False
    works: bool = False
    runs_first: bool = False
    commits: int = 0
    commits_with_id: int = 0


@dataclass(frozen=True)
class HooksStatus:
    """The worktrees of a repository, and the version of the hook that `install` would set up."""

    packaged_version: int
    worktrees: list[WorktreeHook]


def read_hooks(repository: Path, last: int) -> HooksStatus:
    """What is set up for every worktree, and its `last` last commits. Raises IngestError without a repository."""
    return HooksStatus(packaged_version(), [_of_worktree(tree, last) for tree in worktrees(repository)])


def _of_worktree(tree: Worktree, last: int) -> WorktreeHook:
    if not tree.is_there:
        return WorktreeHook(tree.path, GONE)
    try:
        place = hooks_place(tree.path)
        found = inspect(place.directory)
    except IngestError as error:
        return WorktreeHook(tree.path, str(error))
    commits = [] if tree.is_bare else _last_messages(tree.path, last)
    return WorktreeHook(
        tree.path,
        BARE if tree.is_bare and not found.is_ours else found.state,
        place.directory,
        place.scope,
        place.origin,
        found.version,
        is_intact=found.state in ("intact", "outdated"),
        works=found.works,
        runs_first=found.has_before and found.is_ours,
        commits=len(commits),
        commits_with_id=sum(bool(session_ids(message, frozenset((TRAILER,)))) for message in commits),
    )


def _last_messages(worktree: Path, last: int) -> list[str]:
    code, output, _ = run(
        worktree, "log", "-z", f"--max-count={last}", "--no-merges", "--no-show-signature", "--format=%B", "HEAD", "--"
    )
    if code:  # no commit yet
        return []
    return output.removesuffix(b"\0").decode("utf-8", "replace").split("\0") if output else []
