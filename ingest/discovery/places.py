"""From the working directory of a session to what it worked in: a repository, one that is gone, or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.agents.claude_code import WORKTREES
from ingest.errors import IngestError
from ingest.files import is_inside, normal_path
from ingest.repositories import common_directory, is_directory, main_root, worktree_paths

REPOSITORY, GONE, DIRECTORY, UNKNOWN = "repository", "gone", "directory", "unknown"


@dataclass(frozen=True)
class Place:
    """What a session worked in. `path` is the top of a repository, of one that is gone the highest directory that a
    session named, else the working directory; None where no record names one."""

    kind: str
    path: str | None


def places_of(began: Iterable[tuple[str, str | None]]) -> dict[str, Place]:
    """The place of each working directory, given with the branch that its session began on (see `Edges`).

    One that exists is known by its git common directory, so all worktrees are one place. One that is gone belongs to
    the repository below whose known worktrees it was, or in whose tree its last parent stands.
    """
    in_repository: dict[str, bool] = {}
    for cwd, branch in began:
        in_repository[cwd] = in_repository.get(cwd, False) or bool(branch)
    tops: dict[str, str] = {}  # git common directory → top of the repository
    found: dict[str, Place] = {}
    for cwd in in_repository:
        if is_directory(cwd):
            top = _top(Path(cwd), tops)
            kind = REPOSITORY if top else (GONE if in_repository[cwd] else DIRECTORY)
            found[cwd] = Place(kind, top or normal_path(str(Path(cwd).resolve())))
    worktrees = {path: top for top in set(tops.values()) for path in _worktrees(top)}
    missing = [cwd for cwd in in_repository if cwd not in found]
    for cwd in missing:
        top = _above(cwd, worktrees) or _parent_repository(cwd, tops)
        if top:
            found[cwd] = Place(REPOSITORY, top)
    _place_gone({cwd: in_repository[cwd] for cwd in missing if cwd not in found}, found)
    return found


def _place_gone(missing: dict[str, bool], found: dict[str, Place]) -> None:
    """A directory below one that was in a repository, or a worktree that the agent made, was of that repository."""
    roots = {cwd: normal_path(cwd).partition(WORKTREES)[0] for cwd in missing}
    tops = sorted({root for cwd, root in roots.items() if missing[cwd]}, key=len)
    for cwd, root in roots.items():
        top = next((top for top in tops if is_inside(root, top)), None)
        found[cwd] = Place(GONE, top) if top else Place(DIRECTORY, normal_path(cwd))


def _top(path: Path, tops: dict[str, str]) -> str | None:
    common = common_directory(path)
    if common is None:
        return None
    if common not in tops:
        try:
            tops[common] = str(main_root(path))
        except IngestError:
            return None
    return tops[common]


def _worktrees(top: str) -> tuple[str, ...]:
    try:
        return worktree_paths(Path(top))
    except IngestError:
        return (top,)


def _above(cwd: str, worktrees: dict[str, str]) -> str | None:
    """The repository of the deepest known worktree that `cwd` is in."""
    fitting = [path for path in worktrees if is_inside(cwd, path)]
    return worktrees[max(fitting, key=len)] if fitting else None


def _parent_repository(cwd: str, tops: dict[str, str]) -> str | None:
    """The repository around the last parent that is there. One in the home directory would take everything."""
    if not cwd.startswith("/"):
        return None
    parent = next((above for above in Path(cwd).parents if is_directory(str(above))), None)
    top = _top(parent, tops) if parent else None
    return top if top and Path(top) != Path.home().resolve() else None
