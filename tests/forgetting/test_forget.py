"""`forget`: nothing of a session is left below the data directory, nothing of the others is lost, and it stays away."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from ingest.care.backup import back_up
from ingest.care.backup_restore import restore
from ingest.cold.snapshot_check import verify_snapshot
from ingest.database import opened
from ingest.errors import IngestError
from ingest.forgetting.elsewhere import still_named
from ingest.forgetting.plan import plan_forgetting
from ingest.forgetting.targets import find_target
from ingest.forgetting.tombstones import SESSION, read_tombstones, take_back
from ingest.merging.merge import merge_data
from ingest.operations.run_records import read_runs
from ingest.paths import DataDir
from ingest.privacy.consent import decide, read_consent
from ingest.privacy.key_file import import_key
from ingest.registry import load_projects, save_projects
from ingest.status import read_status
from tests.cold.cold_place import PROJECT
from tests.forgetting.forget_place import GONE, SHARED, WORD, ForgetPlace, found_in

pytestmark = pytest.mark.slow


def others(place: ForgetPlace) -> dict[str, bytes]:
    """The archived files of the other sessions."""
    return {path: content for path, content in place.raw().items() if GONE not in path}


def test_the_word_is_everywhere_before(place: ForgetPlace) -> None:
    """Else the tests below would find nothing for want of anything to find."""
    found = set(found_in(place.data, [WORD, GONE]))
    assert {"ope.db", "marts.db", "archived/v1.0/marts/sessions.parquet", "exports/all.csv.gz"} <= found
    assert len(found) > 25 and {path.partition("/")[0] for path in found} >= {"raw", "runs", "logs", "outputs"}


@pytest.mark.parametrize("is_cold", [False, True])
def test_nothing_of_a_session_is_left(place: ForgetPlace, is_cold: bool) -> None:
    kept = others(place)
    unlisted = place.data.raw(PROJECT) / "sessions" / "source" / f"{GONE}.v2.jsonl"  # what a killed run left
    unlisted.write_bytes(WORD.encode())
    if is_cold:
        assert {one.root_session_id for one in place.select(GONE, "fork-a", "fork-b", "old").chosen} >= {GONE, "old"}
        place.archive(GONE, "fork-a", "fork-b", "old")
        place.sync()
        assert GONE in place.cold_roots()
    place.forget()
    assert found_in(place.data, [WORD, GONE]) == [] and still_named(place.data, GONE) == {}
    with duckdb.connect(str(place.data.published), read_only=True) as connection:
        assert connection.execute("select title from main.sessions").fetchall() == [("kept",)]
        assert connection.execute("from main.commits order by all").fetchall() == [("c1", None), ("c2", "old")]
        assert connection.execute("select count(*) from main.quality_gates").fetchall() == [(0,)]
        assert connection.execute("select published_rows from main.publish_state").fetchall() == [(6,)]
    if is_cold:
        # what shares records with it came back with it, because its rows change; what does not stays where it was
        assert place.cold_roots() == {"old"}
        place.restore("old")
    assert others(place) == kept == place.raw()
    place.night()
    assert place.landed() == {"old", "lone", "new", "fork-a", "fork-b"}


def test_what_belongs_to_others_stays(place: ForgetPlace) -> None:
    place.forget()
    folder = place.data.validation(PROJECT)
    assert sorted(path.name for path in folder.iterdir()) == ["reaction.people.csv", "session_commit.people.csv"]
    assert (folder / "reaction.people.csv").read_text().splitlines()[1:] == [f",,{SHARED},approve,1,ada,,kept"]
    assert (folder / "session_commit.people.csv").read_text().splitlines()[1].endswith(",kept")
    assert {row[0] for row in place.ask("select note from raw.labels")} == {"kept"}
    assert json.loads(place.data.low_confidence.read_text())["detail"] == "kept"
    assert [run["error"] for run in read_runs(place.data)][:2] == ["[forgotten]", "kept"]
    assert place.data.notes(PROJECT).read_text() == "# Notes\n\nSession [forgotten] was a mistake, look at old.\n"
    assert [str(path.relative_to(place.data.root)) for path in (place.data.root / "exports").rglob("*")] == [
        "exports/mine.txt"
    ]
    assert not place.data.outputs.exists() or not any(place.data.outputs.rglob("*.*"))
    assert verify_snapshot(place.data, "v1.0").problems == ()
    assert "rows of what was forgotten were taken out" in (place.data.root / "CHANGELOG.md").read_text()
    assert place.ask("select unit_id from audit.ledger") == [("old",)]
    assert place.ask("select word from intermediate.int_words") == [("x",)]


def test_files_with_odd_names_go_too(place: ForgetPlace) -> None:
    exports = place.data.root / "exports"
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    odd = {exports / name for name in ("a!b.jsonl", os.fsdecode(b"caf\xe9.txt"), f"{token}.txt")}
    for path in odd:
        path.write_text(f"x\n{GONE}\n")
    places = {one.where for one in plan_forgetting(place.data, find_target(place.data, GONE)).places}
    assert {"exports/a!b.jsonl", "exports/caf%E9.txt", f"exports/{token}.txt"} <= places
    place.forget()
    assert [path.name for path in exports.iterdir()] == ["mine.txt"]


def test_the_database_keeps_no_deleted_text_in_its_free_blocks(place: ForgetPlace) -> None:
    with opened(place.data) as connection:
        connection.execute("pragma force_compression = 'uncompressed'")
        connection.execute(
            f"create table main.long as select '{GONE}' as session_id, '{WORD}' || range as text from range(20000) "
            "union all select 'old', 'kept' || range from range(20000)"
        )
        connection.execute("checkpoint")
    assert WORD.encode() in place.data.database.read_bytes()
    with opened(place.data) as connection:
        connection.execute(f"delete from main.long where session_id = '{GONE}'")
        connection.execute("checkpoint")
    # so it is worth the trouble
    assert WORD.encode() in place.data.database.read_bytes()
    place.forget()
    content = place.data.database.read_bytes()
    assert WORD.encode() not in content and GONE.encode() not in content and b"kept" in content
    assert place.ask("select count(*) from main.long") == [(20000,)]


def test_a_dry_run_changes_nothing_and_says_what_the_run_log_will_say(place: ForgetPlace) -> None:
    before = place.tree()
    plan = plan_forgetting(place.data, find_target(place.data, GONE[:6]))
    assert place.tree() == before
    fates = {place.where: (place.count, place.fate) for place in plan.places}
    assert fates["raw/one/sessions"] == (4, "deleted") and fates["archived/v1.0"] == (4, "deleted")
    assert fates["validation/one/session_commit.more.csv"] == (1, "rewritten")
    assert any("fork-a" in sentence for sentence in plan.stays)
    assert any(str(place.source) in sentence for sentence in plan.stays)
    done = place.forget()
    [told] = [run for run in read_runs(place.data) if run["step"] == "forget"]
    assert (told["run_id"], told["project_id"], told["error"]) == (done.run_id, None, None)
    assert told["counts"] | {"bytes": told["bytes"]} == plan.counts
    assert plan.counts["sessions"] == 1 and plan.counts["labels"] == 3 and plan.counts["bytes"] > 0


def test_a_session_with_a_source_stays_away_until_it_is_taken_back(place: ForgetPlace) -> None:
    place.forget()
    place.write(f"{GONE}.jsonl", b'{"uuid": "g9"}\n', age=50_000)
    done = place.sync().projects[0].archive
    assert done is not None and (done.forgotten, done.new) == (4, 0)
    assert read_status(place.data).projects[0].waiting_files == 0
    assert found_in(place.data, [GONE]) == []
    other = place.root / "other-key"
    other.write_text("ab" * 32)
    import_key(place.data, other, replace=True)
    assert GONE not in place.landed() and place.sync().projects[0].archive.forgotten == 4  # type: ignore[union-attr]
    assert take_back(place.data, SESSION, GONE) and not take_back(place.data, SESSION, GONE)
    place.sync()
    assert GONE in place.landed()


def test_no_merge_brings_it_back(place: ForgetPlace, tmp_path: Path) -> None:
    there = place.copy(tmp_path / "there")
    place.forget()
    for _ in range(2):
        merged = merge_data(place.data, there.data.root)
        assert merged.projects[0].forgotten == 1 and merged.projects[0].labels.lines == 0
    assert found_in(place.data, [GONE, WORD]) == []
    assert GONE not in place.landed()


def test_a_restored_backup_forgets_it_again(place: ForgetPlace, tmp_path: Path) -> None:
    back_up(place.data, tmp_path / "backups")
    place.forget()
    done = restore(place.data, tmp_path / "again")
    assert any("1 session forgotten since the backup was made" in remark for remark in done.remarks)
    again = ForgetPlace(tmp_path)
    (tmp_path / "again").rename(tmp_path / "data")
    assert found_in(again.data, [GONE, WORD]) == []
    assert again.landed() == {"old", "lone", "new", "fork-a", "fork-b"}


def test_a_restored_backup_keeps_what_was_taken_back_before_it(place: ForgetPlace, tmp_path: Path) -> None:
    place.forget()
    back_up(place.data, tmp_path / "backups")
    take_back(place.data, SESSION, GONE)
    place.sync()
    back_up(place.data)
    restore(place.data, tmp_path / "data")
    assert GONE in ForgetPlace(tmp_path).landed()


def test_a_restored_backup_forgets_a_project_again_unless_it_was_registered_again(
    place: ForgetPlace, tmp_path: Path
) -> None:
    history = place.data.git_metadata(PROJECT)
    history.parent.mkdir(parents=True, exist_ok=True)
    history.write_text("{}")
    back_up(place.data, tmp_path / "backups")
    place.forget(PROJECT)
    done = restore(place.data, tmp_path / "data")
    assert any("1 project and 6 sessions forgotten since the backup was made" in remark for remark in done.remarks)
    again = ForgetPlace(tmp_path)
    assert load_projects(again.data) == [] and again.landed() == set() and found_in(again.data, [GONE, WORD]) == []
    assert not any(again.data.root.rglob("git-metadata.json")) and not again.data.validation(PROJECT).exists()
    told = [run["counts"] for run in read_runs(again.data) if run["step"] == "forget"]
    assert told == [{"sessions": 6}, {"sessions": 0, "projects": 1}]

    save_projects(place.data, [place.registered()])
    back_up(place.data)
    done = restore(place.data, tmp_path / "kept")
    assert not any("forgotten" in remark for remark in done.remarks)
    assert load_projects(DataDir(tmp_path / "kept")) == load_projects(place.data) != []


def test_a_project_goes_whole(place: ForgetPlace, tmp_path: Path) -> None:
    there = place.copy(tmp_path / "there")
    place.archive("old", "lone")
    decide(place.data, "enabled", "Ada", [PROJECT])
    done = place.forget(PROJECT)
    assert done.kind == "project" and load_projects(place.data) == []
    names = ["raw/one", "processed/one", "validation/one", "archived/sessions", "archived/marts/sessions"]
    assert [
        name for name in names if (place.data.root / name).exists() and list((place.data.root / name).rglob("*.*"))
    ] == []
    assert place.ask("select count(*) from raw.session_lines") == [(0,)]
    told = "".join(path.read_text() for path in [*place.data.runs.glob("*.jsonl"), *place.data.logs.glob("*.jsonl")])
    assert '"one"' not in told and "raw/one" not in told
    assert read_consent(place.data).history[-1].projects == ("[forgotten]",)
    merged = merge_data(place.data, there.data.root)
    assert merged.projects == [] and not place.data.raw(PROJECT).exists()


def test_a_project_goes_whole_though_a_part_of_it_is_damaged(place: ForgetPlace) -> None:
    place.archive("old", "lone")
    [part] = {*place.data.archived.glob("sessions/*/*/*.json")}
    part.write_text("no json")
    place.forget(PROJECT)
    assert load_projects(place.data) == [] and not list(place.data.archived.glob("sessions/*/*/*"))


def test_a_session_that_was_never_archived_is_kept_out(place: ForgetPlace) -> None:
    place.write("never-seen.jsonl", b'{"uuid": "n"}\n')
    place.forget("never-seen")
    place.sync()
    assert "never-seen" not in place.landed() and read_tombstones(place.data).has_session("never-seen")


@pytest.mark.parametrize(
    ("name", "said"),
    [("fork", "More than one session's id begins so: fork-a, fork-b"), ("zzzz", "no session's id begins so")],
)
def test_what_is_not_one_thing_is_refused(place: ForgetPlace, name: str, said: str) -> None:
    with pytest.raises(IngestError, match=said):
        find_target(place.data, name)
    with pytest.raises(IngestError, match="A subagent goes with its session"):
        find_target(place.data, f"{GONE}/agent-a")


def test_without_a_database_the_files_go_all_the_same(place: ForgetPlace) -> None:
    place.data.database.unlink()
    place.data.published.unlink()
    shutil.rmtree(place.data.archived)
    place.forget()
    assert found_in(place.data, [WORD, GONE]) == []
