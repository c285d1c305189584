"""Set the hook up beside what is there, and take it away so that everything is as before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import write_atomically
from ingest.hooks.place import SETTING, HooksPlace, hooks_place
from ingest.hooks.script import (
    BEFORE,
    CHANGED,
    FOREIGN,
    HOOK,
    INTACT,
    SOURCE,
    Installed,
    inspect,
    packaged_version,
    shown,
    to_install,
    why_it_cannot_run_first,
)

EXECUTABLE = 0o755


@dataclass(frozen=True)
class HookChange:
    """What was done, or would be done, in one hooks directory.

    `action` is "installed", "updated", "uninstalled" or "unchanged"; `runs_first` says whether a hook that was there
    before is kept and runs before ours, `restored` whether one was put back.
    """

    directory: Path
    scope: str | None
    origin: str | None
    action: str
    version: int
    runs_first: bool = False
    restored: bool = False


def install(repository: Path, *, allow_shared: bool = False, dry_run: bool = False) -> HookChange:
    """Set the hook up for the worktree (or bare repository) at a path; where it is up to date, nothing changes.

    A hook that is there is kept and runs first. Raises IngestError, and changes nothing, where that cannot be: a hooks
    directory that is shared (unless allowed) or tracked, a hook that cannot be kept, a hook of ours that was edited.
    """
    place = hooks_place(repository)
    _refuse(place, allow_shared)
    found = inspect(place.directory)
    hook, before = place.directory / HOOK, place.directory / BEFORE
    if found.state == CHANGED:
        raise IngestError(f"{shown(hook)} was edited after it was installed: move it away, then install again.")
    if found.state == FOREIGN:
        _refuse_what_cannot_be_kept(hook, before)
    runs_first = found.has_before or found.state == FOREIGN
    if found.state == INTACT:
        return _change(place, "unchanged", runs_first)
    if (found.version or 0) > packaged_version():
        raise IngestError(f"{shown(hook)} is of a newer version ({found.version}): update the program instead.")
    if not dry_run:
        with _changing(hook):
            made_directory = found.made_directory or _make_directory(place.directory)
            if found.state == FOREIGN:
                _keep(hook, before)
            write_atomically(hook, to_install(made_directory), EXECUTABLE)
    return _change(place, "updated" if found.is_ours else "installed", runs_first)


def uninstall(repository: Path, *, allow_shared: bool = False, dry_run: bool = False) -> HookChange:
    """Take the hook away and put back what was there before; where it is not set up, nothing changes.

    Raises IngestError, and changes nothing, where the hook was edited or replaced, or its directory is shared.
    """
    place = hooks_place(repository)
    found = inspect(place.directory)
    hook, before = place.directory / HOOK, place.directory / BEFORE
    if not found.is_ours and not found.has_before:
        return _change(place, "unchanged", False)
    if place.is_shared and not allow_shared:
        raise IngestError(_shared(place))
    if found.state == CHANGED:
        raise IngestError(
            f"{shown(hook)} was edited after it was installed: delete it yourself"
            + (f", and give {shown(before)} its name." if found.has_before else ".")
        )
    if found.state == FOREIGN:
        raise IngestError(
            f"{shown(hook)} has been replaced by another hook: it was left alone, and so was {shown(before)}, "
            "which was there before; keep the one you want."
        )
    if not dry_run:
        with _changing(hook):
            _take_away(found, hook, before)
    return _change(place, "uninstalled", False, restored=found.has_before)


def _refuse(place: HooksPlace, allow_shared: bool) -> None:
    if place.setting == "" or (place.directory.exists() and not place.directory.is_dir()):
        raise IngestError(f"{_where(place)} is no directory, so git runs no hooks: correct that, then install again.")
    if place.is_in_checkout:
        raise IngestError(
            f"{_where(place)} is inside of the checkout, where hooks belong to everyone who clones: nothing was "
            f"changed; to have the trailer, add this line to the {HOOK} there that is yours to edit: "
            f'sh "{shown(SOURCE)}" "$@"'
        )
    if place.is_shared and not allow_shared:
        raise IngestError(_shared(place))


def _shared(place: HooksPlace) -> str:
    return (
        f"{_where(place)} may serve other repositories too: nothing was changed; "
        "repeat with --shared-hooks-path if the hook is meant for all of them."
    )


def _where(place: HooksPlace) -> str:
    if place.scope is None:
        return shown(place.directory)
    return f"{shown(place.directory)} ({SETTING}, {place.scope}: {shown(place.origin or '')})"


def _refuse_what_cannot_be_kept(hook: Path, before: Path) -> None:
    reason = why_it_cannot_run_first(hook)
    if reason:
        raise IngestError(
            f"{shown(hook)} cannot be kept and run first, because {reason}: nothing was changed; "
            f'call ours from it instead, with the line: sh "{shown(SOURCE)}" "$@"'
        )
    # After an interrupted run both names are one file.
    if os.path.lexists(before) and not os.path.samestat(hook.lstat(), before.lstat()):
        raise IngestError(
            f"{shown(hook)} has replaced ours, and {shown(before)} is kept from before: only one can run first; "
            "delete the one that you do not need and try again."
        )


def _keep(hook: Path, before: Path) -> None:
    """Give the hook that is there a second name: at no moment is there none."""
    if os.path.lexists(before):
        return
    try:
        os.link(hook, before, follow_symlinks=False)
    except (NotImplementedError, OSError):
        # A file system without hard links.
        shutil.copy2(hook, before, follow_symlinks=False)


def _take_away(found: Installed, hook: Path, before: Path) -> None:
    if found.has_before:
        before.replace(hook)
        return
    hook.unlink()
    if found.made_directory and not any(hook.parent.iterdir()):
        hook.parent.rmdir()


def _make_directory(directory: Path) -> bool:
    """Whether it had to be made; its mode is that of the directory above, as git makes it."""
    if directory.is_dir():
        return False
    directory.mkdir()
    directory.chmod(directory.parent.stat().st_mode & 0o7777)
    return True


@contextmanager
def _changing(hook: Path) -> Iterator[None]:
    directory = hook.parent if hook.parent.is_dir() else hook.parent.parent
    if not os.access(directory, os.W_OK | os.X_OK):
        raise IngestError(
            f"{shown(directory)} is not there or not writable: make it, give this user write access, and try again."
        )
    try:
        yield
    except OSError as error:
        raise IngestError(f"{shown(hook)} cannot be changed ({error.strerror}): check {shown(directory)}.") from error


def _change(place: HooksPlace, action: str, runs_first: bool, restored: bool = False) -> HookChange:
    return HookChange(place.directory, place.scope, place.origin, action, packaged_version(), runs_first, restored)
