"""`redact --rewrite`: every place of a data directory, what stands in the database, and what is left alone and said."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import zipfile

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest import labels, manage, sync
from ingest.care.checks_sources import check_rules
from ingest.care.data_commit import commit_gain
from ingest.care.findings import Patient
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.privacy.check import check_data
from ingest.privacy.rewrite import COMMON, rewrite
from ingest.runlog import now
from tests.cold.cold_place import BUILT
from tests.ingest.shell import Shell, git
from tests.privacy.secrets_made import GITHUB, STRIPE, earlier, present, write_key

TOKEN = present().redact_text(GITHUB)


def secret_session(shell: Shell, name: str) -> None:
    path = shell.write_session(name)
    record = {"type": "user", "uuid": f"{name}-x", "sessionId": name, "message": {"content": f"it is {GITHUB}"}}
    path.write_text(path.read_text() + json.dumps(record) + "\n")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A data directory that was filled with the earlier rules: sessions, a history, labels, notes and logs."""
    shell = Shell(tmp_path_factory.mktemp("old").resolve())
    write_key(shell.data)
    patch = pytest.MonkeyPatch()
    for module in (sync, labels, manage):
        patch.setattr(module, "load_redactor", lambda data: earlier())
    shell.make_repository()
    git(shell.repository, "commit", "--quiet", "--allow-empty", "-m", f"Use {GITHUB}")
    secret_session(shell, "s1")
    shell.write_session("s2")
    shell.run("add-project", "--name", f"My {STRIPE}", "--id", "app", "--repo", str(shell.repository))
    shell.run("sync")
    (shell.home / "labels.csv").write_text(f'message_uuid,label,note\ns1-x,approve,"so, {GITHUB}"\ns1-0,approve,\n')
    shell.run(
        "import-labels", "--project", "app", "--kind", "reaction", "--set", "gold", str(shell.home / "labels.csv")
    )
    data = DataDir(shell.data)
    data.notes("app").write_text(f"# Notes\n\n{GITHUB}\n")
    data.low_confidence.write_text(json.dumps({"commit_sha": "ab" * 20, "message": GITHUB}) + "\n")
    with (data.runs / "2026-01.jsonl").open("w") as file:
        times = dict.fromkeys(("started_at", "ended_at"), "2026-01-01T00:00:00")
        file.write(json.dumps({"run_id": "r", "step": "git", "status": "failed", "error": GITHUB, **times}) + "\n")
    (data.logs / "errors-2026-01-01.jsonl.gz").write_bytes(gzip.compress(json.dumps({"error": STRIPE}).encode()))
    (data.outputs / "run_1").mkdir(parents=True)
    (data.outputs / "run_1" / "report.json").write_text(json.dumps({"a": [GITHUB]}, indent=1))
    (shell.sessions / f"{GITHUB}.jsonl").symlink_to("nowhere")
    shell.run("sync")  # the run log is in the database too
    patch.undo()
    return shell


@pytest.fixture
def old(shell: Shell, filled: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A copy of it."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    shutil.copytree(filled.data, shell.data)
    return shell


def test_everything_that_is_kept_is_rewritten_and_landed(old: Shell) -> None:
    data = DataDir(old.data)
    found = {hit.path for hit in check_data(data, present()).hits}
    assert {"ope.db", "projects.json", "raw/app/NOTES.md", "processed/app/git-metadata.json"} < found
    assert {"raw.session_lines", "raw.commits", "raw.reflog", "raw.ingest_runs", "raw.parse_errors", "raw.labels"} <= {
        hit.table for hit in check_data(data, present()).hits
    }
    before = old.ask("select count(*), count(distinct line_number) from raw.session_lines")
    commits = old.ask("select commit_sha from raw.commits order by 1")
    dry = old.json("redact", "--rewrite", "--dry-run")
    assert check_data(data, present()).findings > 10 and dry["landing"] is None
    done = old.json("redact", "--rewrite", "--yes")
    assert done["rules"] == dry["rules"] and done["complete"]
    assert [part["changed"] for part in done["parts"].values()] == [part["changed"] for part in dry["parts"].values()]
    assert set(done["parts"][COMMON]["changed"]) == {
        *("validation/low_confidence.jsonl", "runs/2026-01.jsonl"),
        *("logs/errors-2026-01-01.jsonl.gz", "outputs/run_1/report.json"),
    }
    assert set(done["parts"]["app"]["changed"]) == {
        *("projects.json", "raw/app/NOTES.md", "raw/app/metadata.json", "raw/app/sessions/-work-app/s1.jsonl"),
        *("processed/app/git-metadata.json", "validation/app/reaction.gold.csv"),
    }
    assert check_data(data, present()).hits == []
    # the database follows, and nothing else in it has changed
    assert old.ask("select count(*), count(distinct line_number) from raw.session_lines") == before
    assert old.ask("select commit_sha from raw.commits order by 1") == commits
    assert old.ask(f"select count(*) from raw.redactions where token = '{TOKEN}'") == [(4,)]  # two of the reflog
    assert old.ask("select message from raw.commits where contains(message, 'REDACTED')") == [(f"Use {TOKEN}",)]
    assert old.ask("select note from raw.labels where message_uuid = 's1-x'") == [(f"so, {TOKEN}",)]
    assert old.ask("select count(*) from raw.ingest_runs where step = 'redact' and project_id = 'app'") == [(1,)]
    line = old.ask("select line from raw.session_lines where contains(line, 'REDACTED')")[0][0]
    assert json.loads(line)["message"]["content"] == f"it is {TOKEN}"
    assert " redact " in old.run("history").stdout
    # again: nothing to do; a sync finds everything as it is
    again = old.json("redact", "--rewrite", "--yes", "--project", "app")
    assert (again["changed"], again["landing"]["lines"], again["complete"]) == (0, 0, True)
    synced = old.json("sync")
    assert synced["projects"][0]["archive"]["unchanged"] == synced["projects"][0]["archive"]["seen"]
    assert synced["landing"]["lines"] == 0 and check_data(data, present()).hits == []


def test_a_project_whose_sources_are_gone_is_rewritten_too(old: Shell) -> None:
    old.run("remove-project", "app", "--yes")
    assert "git-metadata.json" in old.run("redact", "--rewrite", "--yes").stdout
    assert [h.path for h in check_data(DataDir(old.data), present()).hits if h.path.startswith(("raw", "proc"))] == []


def archived(shell: Shell) -> None:
    """Move everything to cold storage, as after a build."""
    with duckdb.connect(str(shell.data / "ope.db")) as connection:
        connection.execute(BUILT, {"at": now()})
    assert "are in cold storage" in shell.run("archive", "--project", "app", "--yes").stdout


def test_cold_storage_is_left_alone_and_named(old: Shell) -> None:
    archived(old)
    told = old.run("redact", "--rewrite", "--yes", code=1).stdout
    assert "`restore`" in told and "archived/sessions/project_id=app" in told
    old.run("restore", "--all", "--yes")
    assert rewrite(DataDir(old.data)).is_complete
    archived(old)
    assert rewrite(DataDir(old.data)).is_complete and check_data(DataDir(old.data), present()).hits == []


def test_what_holds_a_secret_is_not_committed(old: Shell) -> None:
    data = DataDir(old.data)
    [finding] = check_rules(Patient(data, now()))
    assert finding.level == "warning" and "2 files of the archive" in finding.sentence
    old.run("init-data")
    with pytest.raises(IngestError, match="run `python -m ingest redact --rewrite`") as refused:
        commit_gain(data, "run-1")
    assert GITHUB not in str(refused.value)
    assert git_output(data, "diff", "--cached", "--name-only") == "" and git_output(data, "log", "--oneline") == ""
    rewrite(data)
    assert commit_gain(data, "run-2").sessions == 2
    assert list(check_rules(Patient(data, now()))) == []


def git_output(data: DataDir, *arguments: str) -> str:
    command = ["git", "-C", str(data.root), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def test_what_is_no_text_is_never_rewritten(old: Shell) -> None:
    """Exports in outputs/: a database and Parquet stay byte for byte, and are named where something is in them."""
    data = DataDir(old.data)
    exports = data.outputs / "run_1"
    pq.write_table(pa.table({"t": [GITHUB]}), exports / "a.parquet", compression="none")
    pq.write_table(pa.table({"t": ["fine"]}), exports / "b.parquet")
    with zipfile.ZipFile(exports / "c.zip", "w") as archive:
        archive.writestr("c.txt", GITHUB)
    before = {path: path.read_bytes() for path in exports.iterdir() if path.suffix != ".json"}
    done = rewrite(data)
    assert len(done.failures) == 2 and all("make it anew" in sentence for sentence in done.failures)
    assert {path: path.read_bytes() for path in before} == before


def test_a_dry_run_writes_nothing_not_even_a_lock_or_a_line_of_a_log(old: Shell) -> None:
    before = {path: path.lstat().st_mtime_ns for path in old.data.rglob("*")}
    assert rewrite(DataDir(old.data), dry_run=True).changed > 5
    assert {path: path.lstat().st_mtime_ns for path in old.data.rglob("*")} == before


def test_nobody_is_asked_for_a_dry_run_and_a_no_changes_nothing(old: Shell) -> None:
    before = DataDir(old.data).notes("app").read_bytes()
    assert "This was a dry run" in old.run("redact", "--rewrite", "--dry-run").stdout
    assert "Aborted" in old.run("redact", "--rewrite", typed="n\n", code=1).output
    assert DataDir(old.data).notes("app").read_bytes() == before
    with pytest.raises(IngestError, match="Nothing is archived"):
        rewrite(DataDir(old.data), "nobody")


def test_without_a_data_directory(shell: Shell) -> None:
    assert "No project is registered" in shell.run("redact", "--rewrite", "--yes", code=1).stderr
    assert not shell.data.exists()
