"""The command line, from registering to removing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from ingest.agents.claude_code import DEFAULT_CLEANUP_DAYS, cleanup_days
from ingest.files import exclusive_lock
from ingest.paths import PRODUCT_ROOT
from ingest.terminal import plain_table, size
from tests.ingest.shell import Shell, git


def test_from_registering_to_status(shell: Shell) -> None:
    shell.make_repository()
    shell.write_session("s1")

    added = shell.run("add-project", "--name", "My App", "--repo", str(shell.repository)).stdout
    assert "registered as my-app" in added
    assert str(shell.sessions) in added and "2026-01-01" in added and "2026-01-03" in added
    assert json.loads((shell.data / "raw" / "my-app" / "metadata.json").read_text())["instrumentation_tier"] == 3
    assert shell.json("projects")[0]["status"] == "pending_processing"
    assert shell.json("status")["projects"][0]["waiting_files"] == 1

    synced = shell.json("sync")
    assert (synced["landing"]["lines"], synced["landing"]["commits"], synced["failed"]) == (3, 1, False)
    project = shell.json("projects")[0]
    assert (project["status"], project["instrumentation_tier"]) == ("completed", 3)
    assert shell.ask("select project_id, status, instrumentation_tier from raw.projects") == [
        ("my-app", "completed", 3)
    ]
    assert [row[0] for row in shell.ask("select step from raw.ingest_runs order by started_at")] == [
        "git",
        "archive",
        "git",
        "land",
    ]
    metadata = json.loads((shell.data / "raw" / "my-app" / "metadata.json").read_text())
    assert (metadata["transcripts"], metadata["archived_lines"]) == (1, 3)

    status = shell.json("status")
    (one,) = status["projects"]
    assert (one["archived_lines"], one["waiting_files"], one["last_run_status"]) == (3, 0, "ok")
    assert one["landed"] == {"files": 1, "lines": 3, "commits": 1, "errors": 0, "redactions": 0}
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["synced_at"])
    assert status["database_problem"] is None
    assert "my-app" in shell.run("status").stdout and "my-app" in shell.run("projects").stdout


def test_a_second_sync_changes_nothing_and_a_grown_file_is_taken(synced: Shell) -> None:
    again = synced.json("sync", "my-app")
    assert (again["landing"]["files"], again["landing"]["lines"], again["landing"]["commits"]) == (0, 0, 0)
    synced.write_session("s1", count=5)
    synced.write_session("s2", count=1)
    waiting = synced.json("status")["projects"][0]
    assert waiting["waiting_files"] == 2 and waiting["waiting_bytes"] > 0 and waiting["purge_at"]
    assert "clean-up" in synced.run("status").stdout
    assert synced.json("sync")["landing"]["lines"] == 3
    assert synced.ask("select count(*) from raw.session_lines") == [(6,)]


def test_one_vanished_project_does_not_stop_the_other(synced: Shell, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "s9.jsonl").write_text('{"type":"user"}\n')
    synced.run("add-project", "--name", "Other", "--sessions", str(other))
    shutil.rmtree(synced.repository)
    shutil.rmtree(synced.sessions)

    result = synced.run("sync", code=1)

    assert str(synced.sessions) in result.stdout and str(synced.repository) in result.stdout
    assert synced.ask("select count(*) from raw.session_lines") == [(4,)]
    assert synced.ask("select count(*) from raw.commits") == [(1,)]
    steps = {row[0] for row in synced.ask("select step from raw.parse_errors where project_id = 'my-app'")}
    assert steps == {"archive", "git"}
    projects = {project["project_id"]: project["status"] for project in synced.json("projects")}
    assert projects == {"my-app": "archived", "other": "completed"}
    assert synced.json("status")["projects"][0]["last_run_status"] == "failed"


def test_an_archived_project_is_completed_again_when_its_sources_are_back(synced: Shell) -> None:
    shutil.rmtree(synced.repository)
    away = synced.sessions.rename(synced.home / "away")
    synced.run("sync", code=1)
    assert synced.json("projects")[0]["status"] == "archived"
    away.rename(synced.sessions)
    synced.run("sync")
    assert synced.json("projects")[0]["status"] == "completed"


def test_a_failed_landing_is_told_by_every_project_of_its_run(synced: Shell) -> None:
    (synced.data / "ope.db").write_bytes(b"no database")
    synced.run("sync", code=1)
    (project,) = synced.json("status")["projects"]
    assert (project["status"], project["last_run_status"]) == ("pending_processing", "failed")
    assert "not a database" in project["last_error"]


def test_an_update_keeps_what_is_not_given(synced: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = synced.repository.parent / "elsewhere"
    elsewhere.mkdir()
    git(elsewhere, "init", "--quiet")
    monkeypatch.chdir(elsewhere)
    project = synced.json("add-project", "--name", "My App", "--notes", "the second time")["project"]
    assert (project["repository"], project["notes"]) == (str(synced.repository), "the second time")
    assert synced.json("add-project", "--name", "New")["project"]["repository"] == str(elsewhere)


def test_secrets_in_a_name_or_in_notes_are_replaced(synced: Shell) -> None:
    secret = "AKIA" + "Q7" * 8
    synced.run("add-project", "--name", "My App", "--notes", f"key {secret}")
    written = [path for path in synced.data.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert written == []
    assert "[REDACTED:" in synced.json("projects")[0]["notes"]


def test_half_a_failure_is_a_sentence_and_exit_code_0(synced: Shell) -> None:
    shutil.rmtree(synced.repository)
    assert "No git repository" in synced.run("sync").stdout


def test_remove_project_keeps_or_deletes_the_archive(synced: Shell) -> None:
    archived = synced.data / "raw" / "my-app" / "manifest.jsonl"
    shown = synced.run("remove-project", "my-app", "--dry-run").stdout
    assert "would go" in shown and re.search(r"session_lines +3\n", shown)
    synced.run("remove-project", "my-app", typed="n\n", code=1)
    synced.run("remove-project", "my-app", "--delete-archive", typed="yes\n", code=1)
    assert len(synced.json("projects")) == 1 and synced.ask("select count(*) from raw.session_lines") == [(3,)]

    synced.run("remove-project", "my-app", typed="y\n")
    assert synced.json("projects") == [] and archived.exists()
    for table in ("session_lines", "session_files", "commits", "projects", "landed_files where project_id is not null"):
        assert synced.ask(f"select count(*) from raw.{table}") == [(0,)]

    synced.run("add-project", "--name", "My App", "--repo", str(synced.repository))
    assert synced.json("sync")["landing"]["lines"] == 3
    synced.run("remove-project", "my-app", "--delete-archive", typed="my-app\n")
    assert not archived.exists() and not (synced.data / "processed" / "my-app").exists()
    assert (synced.sessions / "s1.jsonl").exists()


def test_errors_are_one_sentence_on_stderr(shell: Shell) -> None:
    for arguments in (
        ("sync",),
        ("sync", "nobody"),
        ("remove-project", "nobody", "--yes"),
        ("add-project", "--name", "X", "--repo", str(shell.data / "nowhere")),
    ):
        result = shell.run(*arguments, code=1)
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
        assert result.stdout == ""


def test_a_bug_keeps_its_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ingest.commands.projects.load_projects", bug)
    with pytest.raises(ZeroDivisionError):
        shell.run("projects")


def test_an_interrupted_command_says_that_it_can_go_on(synced: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.sync.land", interrupted)
    assert "go on from here" in synced.run("sync", code=130).stderr
    last = json.loads(next((synced.data / "runs").glob("*.jsonl")).read_text().splitlines()[-1])
    assert (last["step"], last["status"], last["error"]) == ("land", "failed", "interrupted")
    monkeypatch.undo()
    assert synced.json("sync")["failed"] is False


def test_two_syncs_at_once_are_refused(synced: Shell) -> None:
    with exclusive_lock(synced.data / "runs", "a test"):
        assert "Another command" in synced.run("sync", code=1).stderr


def test_nothing_registered_is_no_error(shell: Shell) -> None:
    for command in ("projects", "status", "summary"):
        assert "add-project" in shell.run(command).stdout
    assert not shell.data.exists()


def test_a_locked_or_damaged_database_is_said(synced: Shell) -> None:
    (synced.data / "ope.db").write_bytes(b"no database")
    assert "not a database" in synced.run("status").stdout
    assert "not a database" in synced.run("sync", code=1).stderr
    (synced.data / "ope.db").unlink()
    assert synced.json("sync")["landing"]["lines"] == 3


def test_everything_made_is_private(synced: Shell) -> None:
    open_to_others = [path for path in synced.data.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []


def test_the_first_project_closes_the_directory_that_a_clone_brings(shell: Shell) -> None:
    shell.data.mkdir(mode=0o755)
    shell.make_repository()
    shell.run("add-project", "--name", "App", "--repo", str(shell.repository))
    assert shell.data.stat().st_mode & 0o777 == 0o700
    shell.data.chmod(0o750)  # from now on it is the user's
    shell.run("add-project", "--name", "App", "--repo", str(shell.repository))
    assert shell.data.stat().st_mode & 0o777 == 0o750


def test_summary_reads_the_marts_and_the_last_build(synced: Shell) -> None:
    with duckdb.connect(str(synced.data / "ope.db")) as connection:
        connection.execute(
            "create table main.sessions as select i > 0 as is_subagent, 5400 as active_seconds, 3 as turns "
            "from range(3) t(i)"
        )
        connection.execute(
            "create table main.tool_calls as select 'Bash' as tool_name, i = 0 as is_error from range(4) t(i)"
        )
        connection.execute("create table main.token_usage as select 10 as total_tokens, 1234.5 as cost_usd")
    text = synced.run("summary").stdout
    assert re.search(r"^sessions +1$", text, re.MULTILINE)
    assert re.search(r"^of subagents +2$", text, re.MULTILINE)
    assert re.search(r"^active time +4\.5 h$", text, re.MULTILINE)
    assert re.search(r"^with an error +25\.0 %$", text, re.MULTILINE)
    assert re.search(r"^list-price cost +\$1,234\.50$", text, re.MULTILINE)
    assert not re.search(r"^commits ", text, re.MULTILINE)  # a mart that this build has not
    assert synced.json("summary")["marts"]["tool_calls"] == 4


def test_works_as_a_module_without_a_terminal(synced: Shell) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ingest", "sync"],
        cwd=PRODUCT_ROOT,
        env={**os.environ, **synced.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "landed 0 lines" in done.stdout and "\x1b" not in done.stdout + done.stderr


def test_clean_up_days_come_from_the_agents_settings(tmp_path: Path) -> None:
    root = tmp_path / "projects"
    assert cleanup_days(root) == DEFAULT_CLEANUP_DAYS
    for text, days in (
        ('{"cleanupPeriodDays": 90}', 90),
        ("{broken", 30),
        ('{"cleanupPeriodDays": "x"}', 30),
        ("[]", 30),
    ):
        (tmp_path / "settings.json").write_text(text)
        assert cleanup_days(root) == days


def test_plain_output() -> None:
    assert plain_table(("a", "long"), [("xyz", "1"), ("", "22")], right=("long",)) == [
        "a    long",
        "xyz     1",
        "       22",
    ]
    assert [size(count) for count in (0, 999, 1000, 368_200_000)] == ["0 B", "999 B", "1.0 kB", "368.2 MB"]
