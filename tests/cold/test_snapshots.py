"""A snapshot is what was published, byte for byte the same for the same rows, and tells when it is no longer that."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.cold import snapshots
from ingest.cold.snapshot_check import verify_snapshot
from ingest.cold.snapshots import make_snapshot, plan_snapshot
from ingest.errors import IngestError
from ingest.paths import DataDir

pytestmark = pytest.mark.slow

MARTS = """
create schema reference;
create table main.sessions as
select 's' || range as session_id, range % 7 as turns, case when range % 3 = 0 then null else 0.1 * range end as score,
    timestamp '2026-01-01' + interval (range) minute as ended_at, cast(range as decimal(18, 8)) as cost_usd
from range(5000) order by {order};
comment on table main.sessions is 'One row per session | really.';
comment on column main.sessions.turns is 'How many.';
create table main.empty (project_id varchar);
create table reference.rules as select 'r' as rule_id;
create table reference.action_taxonomy as select 'a' as action_id, '1.2.0' as taxonomy_version;
create table main.publish_state as select timestamp '2026-02-01 10:00:00' as published_at,
    timestamp '2026-02-01 09:00:00' as built_at, 'run-1' as run_id;
"""


def published(root: Path, order: str = "range") -> DataDir:
    data = DataDir(root)
    root.mkdir(parents=True)
    with duckdb.connect(str(data.published)) as connection:
        connection.execute(MARTS.format(order=order))
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("create schema audit")
        connection.execute("create table audit.invocations as select timestamp '2026-02-01 09:00:00' as ended_at")
    return data


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    return published(tmp_path / "data")


def test_it_has_every_table_and_explains_itself(data: DataDir) -> None:
    assert plan_snapshot(data, "v1.0") == [
        ("marts/empty.parquet", 0),
        ("marts/sessions.parquet", 5000),
        ("seeds/action_taxonomy.parquet", 1),
        ("seeds/rules.parquet", 1),
    ]
    made = make_snapshot(data, "v1.0")
    root = data.archived / "v1.0"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == {
        *("marts/empty.parquet", "marts/sessions.parquet", "seeds/rules.parquet", "manifest.json", "README.md"),
        "seeds/action_taxonomy.parquet",
    }
    document = json.loads((root / "manifest.json").read_text())
    sessions = next(file for file in document["files"] if file["table"] == "sessions")
    assert sessions["columns"][1] == {"name": "turns", "type": "BIGINT", "description": "How many."}
    assert document["published"]["run_id"] == "run-1" and made.is_last_build and document["is_last_build"]
    assert document["schema_versions"].keys() == {"registry", "warehouse", "action_taxonomy"}
    assert document["schema_versions"]["action_taxonomy"] == "1.2.0"
    text = (root / "README.md").read_text()
    assert "One row per session | really. 5,000 rows." in text and "| `turns` | BIGINT | How many. |" in text
    with duckdb.connect() as connection:
        rows = connection.execute(f"select count(*), sum(cost_usd) from '{root}/marts/sessions.parquet'").fetchall()
    assert rows == [(5000, sum(range(5000)))]
    assert not (data.archived / ".scratch").exists()
    assert verify_snapshot(data, "v1.0").problems == ()


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    hashes = []
    for order in ("range", "range desc", "hash(range)"):
        made = make_snapshot(published(tmp_path / order), "v1.0")
        hashes.append([(file.path, file.sha256) for file in made.files])
    assert hashes[0] == hashes[1] == hashes[2]


def test_a_version_is_made_once(data: DataDir) -> None:
    make_snapshot(data, "v1.0")
    before = (data.archived / "v1.0" / "manifest.json").read_bytes()
    with pytest.raises(IngestError, match="exists already and is never changed"):
        make_snapshot(data, "v1.0")
    with pytest.raises(IngestError, match="exists already"):
        plan_snapshot(data, "v1.0")
    assert (data.archived / "v1.0" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize(
    "name", ["1.0", "v", "../v1", "v1/../..", "v1.0/", "v1..0", "sessions", "v1.0-" + "a" * 70, ""]
)
def test_a_version_is_the_name_of_a_directory(data: DataDir, name: str) -> None:
    with pytest.raises(IngestError, match="is no version of a snapshot"):
        make_snapshot(data, name)
    assert not data.archived.exists()


def test_without_publication_there_is_nothing_to_take(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="Nothing is published"):
        make_snapshot(DataDir(tmp_path / "data"), "v1.0")


def test_it_says_where_something_else_was_built_since(data: DataDir) -> None:
    with duckdb.connect(str(data.database)) as connection:
        connection.execute("insert into audit.invocations values (timestamp '2026-02-02')")
    assert not make_snapshot(data, "v1.0").is_last_build


def test_the_changelog_of_the_data_directory_names_it(data: DataDir) -> None:
    changelog = data.root / "CHANGELOG.md"
    changelog.write_text("# Ours\n\nA word first.\n\n## By hand\n\nText.\n")
    make_snapshot(data, "v1.0")
    make_snapshot(data, "v1.1-draft")
    lines = changelog.read_text().splitlines()
    headings = [line.split(" – ")[0] for line in lines if line.startswith("#")]
    assert headings == ["# Ours", "## v1.1-draft", "## v1.0", "## By hand"] and lines[-1] == "Text."
    assert verify_snapshot(data, "v1.0").problems == () == verify_snapshot(data, "v1.1-draft").problems


def _edit_rows(root: Path) -> None:
    (root / "marts/sessions.parquet").write_bytes(b"other")


def _edit_manifest(root: Path) -> None:
    path = root / "manifest.json"
    path.write_text(path.read_text().replace("How many.", "How few."))


def _link(root: Path) -> None:
    shutil.copy(root / "seeds/rules.parquet", root.parent / "rules.parquet")
    (root / "seeds/rules.parquet").unlink()
    (root / "seeds/rules.parquet").symlink_to(root.parent / "rules.parquet")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_edit_rows, ["marts/sessions.parquet differs"]),
        (_edit_manifest, ["manifest.json is not the one that CHANGELOG.md"]),
        (lambda root: (root / "marts/empty.parquet").unlink(), ["marts/empty.parquet is missing"]),
        (lambda root: (root / "seeds/more.parquet").write_bytes(b""), ["seeds/more.parquet does not belong to it"]),
        (lambda root: (root / "extra").mkdir(), ["extra does not belong to it"]),
        (_link, ["seeds/rules.parquet is missing", "seeds/rules.parquet does not belong to it"]),
        (
            lambda root: (root.parents[1] / "CHANGELOG.md").unlink(),
            ["CHANGELOG.md of the data directory does not name"],
        ),
    ],
)
def test_verification_names_what_is_wrong(data: DataDir, damage: Callable[[Path], object], said: list[str]) -> None:
    make_snapshot(data, "v1.0")
    damage(data.archived / "v1.0")
    problems = verify_snapshot(data, "v1.0").problems
    assert len(problems) == len(said)
    assert all(any(problem.startswith(one) for problem in problems) for one in said), problems


def test_a_killed_run_leaves_no_half_snapshot(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    for name in ("_write_table", "readme", "write_atomically", "add_entry"):
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(snapshots, name, die)
            make_snapshot(data, "v1.0")
        assert (data.archived / "v1.0").exists() == (name == "add_entry")
    # it was whole but for its entry in the changelog, which the repetition writes
    made = make_snapshot(data, "v1.0")
    assert made.rows == 5002 and verify_snapshot(data, "v1.0").problems == ()


def test_the_commands_print_and_exit(data: DataDir) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        environment = {"OPE_DATA_DIR": str(data.root), "NO_COLOR": "1"}
        result = CliRunner(env=environment).invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result.stdout

    assert "marts/sessions.parquet" in run("snapshot", "v1.0", "--dry-run")
    assert json.loads(run("snapshot", "v1.0", "--dry-run", "--json"))["files"][3]["rows"] == 1
    assert "has 4 tables, 5,002 rows" in run("snapshot", "v1.0")
    assert "as it was made" in run("verify-snapshot", "v1.0")
    os.truncate(data.archived / "v1.0/marts/sessions.parquet", 10)
    assert "marts/sessions.parquet differs" in run("verify-snapshot", "v1.0", code=1)
    assert json.loads(run("verify-snapshot", "v1.0", "--json", code=1))["problems"]
    run("verify-snapshot", "v2.0", code=1)
