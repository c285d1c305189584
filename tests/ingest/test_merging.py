"""Two machines' data directories become one: the longer file of a session is current, and nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.landing_operations import utc
from ingest.manifest import ManifestEntry, read_manifest
from ingest.merging import content, merge, projects, sessions, texts
from ingest.merging.merge import DataMerged, merge_data
from ingest.paths import DataDir
from ingest.redaction import Redactor
from ingest.registry import Project, load_projects, register, save_projects
from ingest.sync import sync
from tests.ingest.landing_place import archive, ask, project, write_history

AT = "2026-01-02T03:04:05+00:00"


class Killed(BaseException):
    """What a kill is to a test: nothing catches it."""


class Machine:
    """A data directory with one project, whose archive and history a test writes."""

    def __init__(self, root: Path) -> None:
        self.data = DataDir(root / "data")
        self.data.root.mkdir(parents=True)
        save_projects(self.data, [replace(project("one"), session_directories=())])

    def session(self, name: str, *lines: str, directory: str = "-code", **changes: object) -> ManifestEntry:
        text = "".join(line + "\n" for line in lines).encode()
        changes.setdefault("source", "")
        return archive(self.data, f"{directory}/{name}.jsonl", text, **changes)

    def merge(self, other: Machine, **options: Any) -> DataMerged:
        return merge_data(self.data, other.data.root, **options)

    def entries(self) -> dict[str, ManifestEntry]:
        return read_manifest(self.data.manifest("one"))

    def files(self) -> dict[str, bytes]:
        """The archive as its manifest says; each file is what its entry says."""
        found = {}
        for path, entry in self.entries().items():
            found[path] = (self.data.raw("one") / path).read_bytes()
            assert (len(found[path]), found[path].count(b"\n")) == (entry.archived_bytes, entry.archived_lines)
        return found

    def records(self) -> set[tuple[str, bytes]]:
        """Every line of every session."""
        return {
            (self.entries()[path].session_id, content.comparable(line))
            for path, text in self.files().items()
            for line in text.splitlines()
        }

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Everything in the data directory, with times."""
        return {
            str(path.relative_to(self.data.root)): (
                path.stat().st_mtime_ns,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.data.root.rglob("*"))
        }

    def truth(self) -> dict[str, bytes]:
        """The plain files but for the run log and the logs, which every command writes to."""
        changing = ("runs", "logs", "ope.db")
        return {path: content for path, (_, content) in self.tree().items() if not path.startswith(changing)}


def line(number: int, text: str = "") -> str:
    return json.dumps({"type": "user", "uuid": f"u{number}", "text": text})


LINES = [line(number) for number in range(6)]


@pytest.fixture(autouse=True)
def _one_redactor(monkeypatch: pytest.MonkeyPatch, redactor: Redactor) -> None:
    """Its rules take longer to compile than a test takes."""
    monkeypatch.setattr(merge, "load_redactor", lambda data: redactor)
    monkeypatch.setattr("ingest.sync.load_redactor", lambda data: redactor)


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor.load(b"k" * 32)


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "there")


def counts(merged: DataMerged) -> dict[str, int]:
    found = {name: count for name, count in merge.project_counts(merged.projects[0]).items() if count}
    return found | ({"runs": merged.runs.lines} if merged.runs.lines else {})


def test_what_is_here_already_is_not_taken(here: Machine, there: Machine) -> None:
    here.session("same", *LINES)
    there.session("same", *LINES, directory="-elsewhere")
    here.session("longer-here", *LINES)
    there.session("longer-here", *LINES[:3])
    before = here.files()
    assert counts(here.merge(there)) == {"same_sessions": 2}
    assert here.files() == before


def test_the_longer_file_is_current_and_the_other_stays(here: Machine, there: Machine) -> None:
    here.session("grown", *LINES[:2])
    there.session("grown", *LINES)
    here.session("apart", *LINES[:2], line(7))
    there.session("apart", *LINES[:2], line(8), line(9))
    here.session("shorter-there", *LINES, line(7))
    there.session("shorter-there", *LINES[:2], line(8))
    there.session("only-there", *LINES)
    mine = here.files()
    assert counts(here.merge(there)) == {
        **{"new_sessions": 1, "longer_sessions": 2, "versions": 1, "files": 4},
    }
    assert mine.items() <= here.files().items()
    assert {path for path in here.files() if path not in mine} == {
        f"sessions/-code~merged/{name}.jsonl" for name in ("grown", "apart", "shorter-there", "only-there")
    }
    assert ask(here.data, "select session_id, max(lines), count(*) from raw.session_files group by 1 order by 1") == [
        ("apart", 4, 2),
        ("grown", 6, 2),
        ("only-there", 6, 1),
        ("shorter-there", 7, 2),
    ]


def test_merging_twice_changes_nothing_and_both_ways_give_the_same(here: Machine, there: Machine) -> None:
    for machine, own in ((here, 7), (there, 8)):
        machine.session("apart", *LINES[:2], line(own))
        machine.session(f"only-{own}", *LINES)
        machine.session("grown", *LINES[: own - 4])
    here.session("rewritten", *LINES)
    there.session("rewritten", *LINES[:3], line(20))
    there.session("rewritten.v2", line(21), session_id="rewritten", version=2)
    union = here.records() | there.records()
    here.merge(there)
    before = here.files()
    assert counts(here.merge(there)) == {"same_sessions": 4}
    assert (here.files(), here.records()) == (before, union)
    there.merge(here)
    assert there.records() == union
    assert counts(here.merge(there)).get("files", 0) == 0


def test_the_same_secret_has_another_token_on_another_machine(here: Machine, there: Machine) -> None:
    tokens = ["[REDACTED:aws_key:AAAAAAAAAAAAAAA2]", "[REDACTED:aws_key:BBBBBBBBBBBBBBB3]"]
    for machine, token in zip((here, there), tokens, strict=True):
        machine.session("same", line(1, token), line(2))
        machine.session("grown", *[line(1, token), line(2), line(3)][: 2 if machine is here else 3])
        machine.session("another", line(1, token + (" here" if machine is here else " there")))
    assert counts(here.merge(there)) == {"same_sessions": 1, "longer_sessions": 1, "versions": 1, "files": 2}
    assert counts(here.merge(there)) == {"same_sessions": 3}


def test_text_is_redacted_by_the_rules_of_this_machine(here: Machine, there: Machine) -> None:
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    there.session("old-rules", line(1, f"aws_access_key_id = {secret}"))
    here.merge(there)
    assert secret.encode() not in b"".join(here.files().values())
    assert counts(here.merge(there)) == {"same_sessions": 1}


def test_a_merged_session_that_grew_there_is_continued(here: Machine, there: Machine) -> None:
    here.session("s", *LINES[:2])
    there.session("s", *LINES[:4])
    here.merge(there)
    there.session("s", *LINES)
    merged = here.merge(there)
    assert counts(merged) == {"longer_sessions": 1, "files": 1, "runs": 1} or counts(merged)["files"] == 1
    assert merged.landing.lines == 2
    assert set(here.files()) == {"sessions/-code/s.jsonl", "sessions/-code~merged/s.jsonl"}


def test_a_third_machine_gets_a_place_of_its_own(here: Machine, there: Machine, tmp_path: Path) -> None:
    third = Machine(tmp_path / "third")
    there.session("s", *LINES[:2], line(7))
    third.session("s", *LINES[:2], line(8))
    here.merge(there)
    here.merge(third)
    assert {"sessions/-code~merged/s.jsonl", "sessions/-code~merged2/s.jsonl"} <= set(here.files())
    assert third.records() | there.records() == here.records()


def test_versions_of_two_machines_are_not_one_chain(here: Machine, there: Machine, tmp_path: Path) -> None:
    third = Machine(tmp_path / "third")
    there.session("s", *LINES)
    third.session("s", *LINES[:3])
    third.session("s.v2", line(9), session_id="s", version=2)
    here.merge(there)
    here.merge(third)
    assert set(here.files()) == {"sessions/-code~merged/s.jsonl", "sessions/-code~merged2/s.v2.jsonl"}
    there.session("s.v2", line(8), session_id="s", version=2)
    here.merge(there)
    assert "sessions/-code~merged/s.v2.jsonl" in here.files()
    assert counts(here.merge(there)) == counts(here.merge(third)) == {"same_sessions": 1}


def test_what_describes_a_session_lies_beside_it(here: Machine, there: Machine) -> None:
    for machine in (here, there):
        machine.session("p/agent-a", *(LINES[:1] if machine is here else LINES), parent_session_id="p")
        text = b'{"agentType": "explore"}'
        archive(
            machine.data,
            "-code/p/agent-a.meta.json",
            text,
            kind="sidecar",
            source="",
            session_id="agent-a",
            archived_lines=1,
        )
    here.merge(there)
    assert "sessions/-code~merged/p/agent-a.meta.json" in here.entries()
    assert ask(here.data, "select distinct sidecar from raw.session_files") == [('{"agentType": "explore"}',)]


def test_sync_goes_on_with_sources_that_are_shorter_than_what_was_merged(tmp_path: Path, there: Machine) -> None:
    source = tmp_path / "claude" / "-code"
    source.mkdir(parents=True)
    here = Machine(tmp_path / "here")
    save_projects(here.data, [])
    register(here.data, name="One", project_id="one", sessions=[source])
    (source / "s.jsonl").write_text("".join(text + "\n" for text in LINES[:2]))
    sync(here.data)
    there.session("s", *LINES, source=str(source / "s.jsonl"))
    here.merge(there)
    merged = here.files()
    result = sync(here.data).projects[0]
    assert result.archive and (result.archive.rewritten, result.archive.new, result.problems) == (0, 0, [])
    assert here.files() == merged
    with (source / "s.jsonl").open("a") as file:
        file.write(line(30) + "\n")
    result = sync(here.data).projects[0]
    assert result.archive and (result.archive.grown, result.archive.rewritten) == (1, 0)
    assert set(here.files()) == set(merged)
    assert counts(here.merge(there)) == {"same_sessions": 1}


def test_a_source_that_comes_after_its_merge_does_not_meet_the_merged_file(tmp_path: Path, there: Machine) -> None:
    source = tmp_path / "claude" / "-code"
    source.mkdir(parents=True)
    here = Machine(tmp_path / "here")
    there.session("s", *LINES)
    here.merge(there)
    register(here.data, name="One", project_id="one", sessions=[source])
    (source / "s.jsonl").write_text(LINES[0] + "\n")
    sync(here.data)
    assert {path: entry.version for path, entry in here.entries().items()} == {
        "sessions/-code~merged/s.jsonl": 1,
        "sessions/-code/s.jsonl": 1,
    }


def test_nothing_there_is_written_and_a_dry_run_writes_nothing_here(here: Machine, there: Machine) -> None:
    here.session("s", *LINES[:2])
    there.session("s", *LINES)
    fill_texts(here)
    fill_texts(there, is_there=True)
    mine, theirs = here.tree(), there.tree()
    planned = here.merge(there, dry_run=True)
    assert here.tree() == mine
    done = here.merge(there)
    assert counts(planned) == counts(done)
    assert there.tree() == theirs


def commit(sha: str, **changes: object) -> dict[str, object]:
    return {"sha": sha * 40, "parents": [], "committed_at": AT, "message": sha, "files": [], **changes}


def fill_texts(machine: Machine, *, is_there: bool = False) -> None:
    """Commits, labels, notes and a run log: of this machine, or of the other."""
    labels = "u1,approve,2026-01-02\nu2,block,2026-01-05\nu3,correct,\n"
    notes = "# Notes on One\n\nMine.\n"
    commits = [commit("a"), commit("b", is_boundary=True)]
    if is_there:
        labels = "u1,block,2026-01-03\nu2,approve,2026-01-04\nu4,question,\nu5\n"
        notes = "# Notes on One\n\n## Excluded on 2026-01-01\n\nToo few.\n"
        commits = [commit("a", message="other words"), commit("b"), commit("c")]
    write_history(machine.data, commits)
    path = machine.data.validation("one") / "reaction.people.csv"
    path.parent.mkdir(parents=True)
    path.write_text("message_uuid,label,labelled_at\n" + labels)
    machine.data.runs.mkdir(exist_ok=True)
    record = {"run_id": "there" if is_there else "here", "step": "land", "started_at": AT, "status": "ok"}
    (machine.data.runs / "2026-01.jsonl").write_text(json.dumps(record) + "\n" + "{half")
    machine.data.raw("one").mkdir(parents=True, exist_ok=True)
    machine.data.notes("one").write_text(notes)


def test_commits_labels_notes_and_runs_of_both(here: Machine, there: Machine) -> None:
    fill_texts(here)
    fill_texts(there, is_there=True)
    merged = here.merge(there)
    assert counts(merged) | {"problems": 0} == {"commits": 2, "labels": 3, "notes": 3, "problems": 0, "runs": 1}
    assert ask(here.data, "select left(commit_sha, 1), message, is_boundary from raw.commits order by 1") == [
        ("a", "a", None),
        ("b", "b", None),
        ("c", "c", None),
    ]
    assert ask(here.data, "select message_uuid, label from raw.labels order by 1") == [
        *(("u1", "block"), ("u2", "block"), ("u3", "correct"), ("u4", "question")),
    ]
    assert here.data.notes("one").read_text().endswith("Mine.\n\n## Excluded on 2026-01-01\n\nToo few.\n")
    assert ask(here.data, "select run_id from raw.ingest_runs where step = 'land' and run_id in ('here', 'there')") == [
        ("here",),
        ("there",),
    ]
    before = here.truth()
    assert "commits" not in counts(here.merge(there))
    after = here.truth()
    assert before == after


def test_links_and_paths_that_lead_out_are_named_and_not_followed(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    secret = tmp_path / "private.jsonl"
    secret.write_text(line(1, "private") + "\n")
    entry = there.session("good", *LINES)
    text = secret.read_bytes()
    there.session("link", text.decode().strip())
    (there.data.raw("one") / "sessions/-code/link.jsonl").unlink()
    (there.data.raw("one") / "sessions/-code/link.jsonl").symlink_to(secret)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "s.jsonl").write_bytes(text)
    (there.data.raw("one") / "sessions/-linked").symlink_to(tmp_path / "linked")
    with there.data.manifest("one").open("a") as manifest:
        for path in ("sessions/../../../../private.jsonl", "/etc/passwd", "manifest.jsonl", "sessions/-linked/s.jsonl"):
            record = {name: getattr(entry, name) for name in vars(entry)} | {"path": path, "session_id": "x"}
            manifest.write(json.dumps(record) + "\n")
        manifest.write("{broken\n")
    fill_texts(here)
    fill_texts(there, is_there=True)
    (there.data.validation("one") / "reaction.people.csv").unlink()
    (there.data.validation("one") / "reaction.people.csv").symlink_to(secret)
    here.merge(there)
    assert set(here.files()) == {"sessions/-code~merged/good.jsonl"}
    found = ask(here.data, "select path, reason from raw.parse_errors where step = 'merge' order by all")
    assert found == [
        ("/etc/passwd", "path leaves the archive"),
        ("manifest.jsonl", "manifest line cannot be read"),
        ("manifest.jsonl", "path leaves the archive"),
        ("sessions/-code/link.jsonl", "symbolic link"),
        ("sessions/-linked/s.jsonl", "symbolic link"),
        ("sessions/../../../../private.jsonl", "path leaves the archive"),
        ("validation/reaction.people.csv", "symbolic link"),
    ]
    assert not any(
        b"private" in item[1] for path, item in here.tree().items() if "projects" not in path and ".db" not in path
    )


def test_a_damaged_file_there_is_named_and_the_others_come(here: Machine, there: Machine) -> None:
    there.session("good", *LINES)
    there.session("short", *LINES)
    there.session("edited", *LINES)
    place = there.data.raw("one") / "sessions/-code"
    (place / "short.jsonl").write_bytes(b"x\n")
    (place / "edited.jsonl").write_bytes((place / "edited.jsonl").read_bytes().replace(b"u3", b"u9"))
    merged = here.merge(there)
    assert set(here.files()) == {"sessions/-code~merged/good.jsonl"}
    assert [problem.reason for problem in merged.projects[0].problems] == [
        "archived file is not what its manifest says",
        "archived file is shorter than its manifest says",
    ]


def test_files_in_cold_storage_are_named(here: Machine, there: Machine) -> None:
    entry = there.session("s", *LINES)
    with there.data.manifest("one").open("a") as manifest:
        manifest.write(json.dumps({**{name: getattr(entry, name) for name in vars(entry)}, "cold": "part-1"}) + "\n")
    merged = here.merge(there)
    assert [problem.reason for problem in merged.projects[0].problems] == ["file is in cold storage there"]
    assert here.entries() == {}


def test_directories_that_cannot_be_merged(here: Machine, there: Machine, tmp_path: Path) -> None:
    (here.data.root / "inner").mkdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    for root, words in (
        (here.data.root, "is this data directory"),
        (here.data.root / "inner", "lies inside"),
        (here.data.root.parent, "contains"),
        (tmp_path / "missing", "no directory"),
        (empty, "has no projects.json"),
    ):
        with pytest.raises(IngestError, match=words):
            merge_data(here.data, root)
    there.data.registry.rename(tmp_path / "elsewhere.json")
    there.data.registry.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(IngestError, match="symbolic link"):
        here.merge(there)


def named(machine: Machine, **changes: object) -> Project:
    changed = replace(load_projects(machine.data)[0], **changes)  # type: ignore[arg-type]
    save_projects(machine.data, [changed])
    return changed


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


def test_newer_labels_count_by_their_instant() -> None:
    assert utc("2026-01-02T01:00:00+02:00") < utc("2026-01-02T00:00:00")
    ours = [["", "", "u1", "approve", "1", "", "2026-01-02T01:00:00+02:00", ""]]
    theirs = [["", "", "u1", "block", "1", "", "2026-01-02T00:00:00", ""]]
    assert texts._united(ours, theirs, texts.TextsMerged())[0][3] == "block"
    assert projects._session_ids([]) == set()
