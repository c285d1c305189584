"""Puts the sample on disk: built aside, compared with what is there, and moved in place only where it differs."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.errors import IngestError
from ingest.sample import history
from ingest.sample.repository import run_git
from ingest.sample.world import CWD, encode

_REPOSITORY = "tidebook"
_MARK = "sample-files.txt"


@dataclass(frozen=True)
class SamplePaths:
    """`projects` is a session source like `~/.claude/projects`, `repository` is what its sessions knew as `cwd`."""

    directory: Path
    projects: Path
    repository: Path
    cwd: str = CWD

    @property
    def session_directory(self) -> Path:
        """The directory below `projects` of the sessions in `cwd`; others hold those of a worktree and of Windows."""
        return self.projects / encode(self.cwd)


def write_sample(directory: Path) -> SamplePaths:
    """Write the sample below `directory` and return where it is.

    A second run changes nothing. What differs from the sample is put back, the repository with all that was done in it;
    files that an older sample wrote and this one does not are removed, and no others.
    Raises `IngestError` where a repository stands that is not a sample's, or git cannot be run.
    """
    directory = directory.expanduser().resolve()
    paths = SamplePaths(directory, directory / "projects", directory / _REPOSITORY)
    mark = directory / _MARK
    foreign = [path for path in (paths.projects, paths.repository) if path.exists() and not mark.exists()]
    if foreign:
        raise IngestError(f"{foreign[0]} exists and is not a sample's; give the sample a directory of its own.")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=directory) as aside:
        built = Path(aside) / _REPOSITORY
        world = history.tell(built)
        files = {path: (data, at) for path, data, at in world.files()}
        known = set(mark.read_text(encoding="utf-8").splitlines()) if mark.exists() else set()
        listing = "".join(f"{path}\n" for path in sorted(files))
        if listing != "".join(f"{path}\n" for path in sorted(known)):
            _replace(mark, listing.encode(), None)
        for path, (data, at) in files.items():
            _replace(paths.projects / path, data, at)
        for path in known - set(files):
            gone = (paths.projects / path).resolve()
            if gone.is_relative_to(paths.projects):
                gone.unlink(missing_ok=True)
        _replace_repository(paths.repository, built)
    return paths


def _replace(target: Path, data: bytes, at: datetime | None) -> None:
    """Write a file unless it holds just that; `at` becomes its time of modification, as it would in life."""
    if not target.exists() or target.read_bytes() != data:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(data)
        if at:
            os.utime(fresh, (at.timestamp(), at.timestamp()))
        fresh.replace(target)


def _replace_repository(target: Path, built: Path) -> None:
    if target.exists():
        if _state(target) == _state(built):
            return
        shutil.rmtree(target)
    built.rename(target)


def _state(repository: Path) -> str:
    """Refs, branch and changes of a repository. One that git cannot read is in no state that equals another."""
    try:
        refs = run_git(repository, "for-each-ref", "--format=%(refname) %(objectname)")
        return "\n".join((refs, run_git(repository, "status", "--porcelain", "--branch")))
    except IngestError as error:
        return f"unreadable {repository}: {error}"
