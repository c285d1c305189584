"""A forgetting may end at any instant: the same command, or the next sync, finishes it, and nothing else is lost."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.forgetting import forget as steps
from ingest.forgetting.forget import settle
from ingest.forgetting.journal import journal_path
from ingest.forgetting.targets import find_target
from ingest.operations.run_records import read_runs
from tests.forgetting.forget_place import GONE, WORD, ForgetPlace, found_in
from tests.ingest.test_archive_kills import Death

pytestmark = pytest.mark.slow

SURVIVORS = {"old", "lone", "new", "fork-a", "fork-b"}


def run_again(place: ForgetPlace) -> None:
    """What a person does who saw it break off."""
    if settle(place.data) is not None:
        return
    try:
        find_target(place.data, GONE)
    except IngestError:
        return  # it was killed when all was done
    place.forget()


def killed_at_every(start: ForgetPlace, root: Path, share: float, step: int) -> int:
    """Forget in copies, killed at every `step`th call that changes the disk; how many kills."""
    kept = {path: content for path, content in start.raw().items() if GONE not in path}
    point = kills = 0
    while True:
        place = start.copy(root / str(point))
        with Death(point, share) as death:
            place.forget()
        shutil.rmtree(place.source)  # else a source would be found where the archive is gone
        place.source.mkdir()
        run_again(place)
        assert found_in(place.data, [WORD, GONE]) == [], f"killed at call {point}"
        assert place.raw() == kept and not journal_path(place.data).exists(), f"killed at call {point}"
        assert [run["status"] for run in read_runs(place.data) if run["step"] == "forget"][-1:] == ["ok"]
        shutil.rmtree(place.root)
        if not death.is_dead:
            return kills
        point, kills = point + step, kills + 1


@pytest.fixture
def files_only(place: ForgetPlace) -> ForgetPlace:
    """Without databases, which look after themselves: copies are quicker."""
    for path in (place.data.database, place.data.published):
        path.unlink()
    return place


def test_killed_at_some_calls(files_only: ForgetPlace, tmp_path: Path) -> None:
    assert killed_at_every(files_only, tmp_path / "kills", 0.5, 37) > 2


@pytest.mark.long
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_killed_at_any_call(files_only: ForgetPlace, tmp_path: Path, share: float) -> None:
    assert killed_at_every(files_only, tmp_path / "kills", share, 1) > 50


@pytest.mark.parametrize("point", ["bring_back", "forget_archive", "forget_built"])
def test_a_real_kill_is_finished_by_the_next_sync(place: ForgetPlace, point: str) -> None:
    child = os.fork()
    if child == 0:
        setattr(steps, point, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        try:
            place.forget()
        finally:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert journal_path(place.data).exists()
    done = place.sync()
    assert not done.failed and place.landed() == SURVIVORS
    assert found_in(place.data, [WORD, GONE]) == [] and not journal_path(place.data).exists()
