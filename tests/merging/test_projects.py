"""Which projects of two machines are the same, and what becomes of their entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.merging.merge import merge_data
from ingest.paths import DataDir
from ingest.registry import load_projects
from ingest.sync import sync
from tests.ingest.landing_place import ask, write_history
from tests.merging.machine import LINES, Machine, commit, counts, named


def test_the_same_id_can_be_another_project(here: Machine, there: Machine) -> None:
    here.session("a", *LINES)
    there.session("b", *LINES)
    write_history(here.data, [commit("a")])
    write_history(there.data, [commit("b")])
    mine = here.tree()
    with pytest.raises(IngestError, match=r"another one here.*--rename one=NEW-ID.*--rename one=one"):
        here.merge(there)
    assert here.tree() == mine
    assert here.merge(there, renamed={"one": "other"}).projects[0].is_new
    assert [project.project_id for project in load_projects(here.data)] == ["one", "other"]
    assert ask(here.data, "select project_id from raw.commits") == [("other",)]
    assert not here.merge(there, renamed={"one": "one"}).projects[0].is_new


@pytest.mark.parametrize("shared", ["path", "session", "commit", "nothing yet"])
def test_what_makes_two_projects_the_same(here: Machine, there: Machine, shared: str) -> None:
    if shared == "path":
        for machine in (here, there):
            named(machine, repository="/code/one")
    if shared != "nothing yet":
        here.session("a", *LINES)
        there.session("a" if shared == "session" else "b", *LINES)
        write_history(here.data, [commit("a")])
        write_history(there.data, [commit("a" if shared == "commit" else "b")])
    assert not here.merge(there).projects[0].is_new


def test_sessions_that_another_project_has_here_are_asked_about(here: Machine, there: Machine) -> None:
    here.session("a", *LINES)
    there.session("a", *LINES)
    moved = there.data.raw("one").rename(there.data.raw("uno"))
    assert moved.is_dir()
    named(there, project_id="uno")
    with pytest.raises(IngestError, match="--rename uno=one"):
        here.merge(there)
    assert counts(here.merge(there, renamed={"uno": "one"}))["same_sessions"] == 1
    for wrong, words in (({"x": "y"}, "no such project"), ({"uno": "No Id"}, "an id has")):
        with pytest.raises(IngestError, match=words):
            here.merge(there, renamed=wrong)


def test_the_entry_of_both(here: Machine, there: Machine, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "mine").mkdir()
    shared, mine = str((tmp_path / "shared").resolve()), str((tmp_path / "mine").resolve())
    named(here, session_directories=(mine,), repository_paths=("/code/one",), added_at="2026-03-01T00:00:00Z")
    named(
        there,
        session_directories=(shared, "/only/there"),
        repository="/home/me/one",
        repository_paths=("/home/me/one",),
        notes="from there",
    )
    merged = here.merge(there)
    [entry] = load_projects(here.data)
    assert entry.session_directories == (mine, shared)
    assert entry.repository is None and entry.repository_paths == ("/code/one", "/home/me/one")
    assert (entry.added_at, entry.notes) == ("2026-01-02T03:04:05Z", "from there")
    assert merged.projects[0].left_out == ["/only/there"]


def test_a_fresh_directory_takes_everything_and_can_be_synced(tmp_path: Path, there: Machine) -> None:
    named(there, repository="/not/here", session_directories=("/not/here/either",))
    there.session("s", *LINES)
    write_history(there.data, [commit("a")])
    data = DataDir(tmp_path / "fresh")
    merge_data(data, there.data.root)
    assert load_projects(data)[0].status == "completed"
    result = sync(data)
    assert not result.failed and result.projects[0].failures == []
    assert ask(data, "select count(*) from raw.session_lines") == [(6,)]
    assert ask(data, "select count(*) from raw.commits") == [(1,)]
