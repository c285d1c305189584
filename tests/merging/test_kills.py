"""A merge that is killed anywhere is finished by the next."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.merging import merge, sessions
from tests.ingest.landing_place import ask
from tests.merging.machine import LINES, Machine, fill_texts

pytestmark = pytest.mark.slow


class Killed(BaseException):
    """What a kill is to a test: nothing catches it."""


def test_a_merge_that_is_killed_anywhere_is_finished_by_the_next(
    tmp_path: Path, there: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.session("grown", *LINES)
    there.session("new", *LINES)
    monkeypatch.setattr(sessions, "COMMIT_FILES", 1)
    reference = Machine(tmp_path / "reference")
    reference.session("grown", *LINES[:2])
    fill_texts(reference)
    fill_texts(there, is_there=True)
    reference.merge(there)
    wanted = stable(reference)
    # landing has its own tests of kills: here, it is what follows when all is done
    land = merge._land
    monkeypatch.setattr(merge, "_land", lambda *arguments: None)
    for at in range(1, 100):
        machine = Machine(tmp_path / f"killed-{at}")
        machine.session("grown", *LINES[:2])
        fill_texts(machine)
        if not killed(machine, there, at):
            break
        machine.merge(there)
        assert stable(machine) == wanted, at
    assert 15 < at < 99
    monkeypatch.setattr(merge, "_land", land)
    machine.merge(there)
    lines = "select file_id, line_number, line from raw.session_lines order by all"
    assert ask(machine.data, lines) == ask(reference.data, lines)


def stable(machine: Machine) -> dict[str, object]:
    """What two merges of the same have in common: all but the run log, the registry's state and the database."""
    files: dict[str, object] = dict(machine.files())
    for name in ("processed/one/git-metadata.json", "validation/one/reaction.people.csv", "raw/one/NOTES.md"):
        files[name] = (machine.data.root / name).read_bytes()
    return files


def killed(machine: Machine, there: Machine, at: int) -> bool:
    """Merge, and be killed before the `at`-th thing that changes the disk; False where there are fewer."""
    for _ in dying(at):
        try:
            machine.merge(there)
        except Killed:
            return True
    return False


def dying(at: int) -> Iterator[None]:
    left = at
    originals = (Path.replace, os.fsync)

    def step_of(original: Any) -> Any:
        def stepped(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return original(*arguments, **options)

        return stepped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", step_of(originals[0]))
        patch.setattr(os, "fsync", step_of(originals[1]))
        yield
