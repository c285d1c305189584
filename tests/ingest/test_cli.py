"""The command line, from registering to removing; and its documentation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import duckdb
import pytest
from click.testing import CliRunner, Result

from ingest.agents.claude_code import DEFAULT_CLEANUP_DAYS, cleanup_days
from ingest.cli import main
from ingest.data_repository import ignore_text, init_data, normal_remote
from ingest.errors import IngestError
from ingest.files import exclusive_lock
from ingest.paths import PRODUCT_ROOT
from ingest.terminal import plain_table, size

DOCS = PRODUCT_ROOT / "docs" / "commands.md"
COMMANDS = {"add-project", "sync", "projects", "status", "init-data", "remove-project", "summary"}


class Shell:
    """Commands with a data directory, an agent's home and a repository of their own."""

    def __init__(self, root: Path) -> None:
        self.data = root / "data"
        self.home = root / "home"
        self.repository = root / "work" / "app"
        self.sessions = self.home / "projects" / "-work-app"
        self.environment = {"OPE_DATA_DIR": str(self.data), "CLAUDE_CONFIG_DIR": str(self.home), "NO_COLOR": "1"}

    def run(self, *arguments: str, code: int = 0, typed: str | None = None) -> Result:
        result = CliRunner(env=self.environment).invoke(main, arguments, input=typed)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.data / "ope.db"), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def write_session(self, name: str, count: int = 3) -> Path:
        records = [
            {
                "type": "user",
                "uuid": f"{name}-{index}",
                "sessionId": name,
                "cwd": str(self.repository),
                "timestamp": f"2026-01-0{index + 1}T10:00:00.000Z",
            }
            for index in range(count)
        ]
        self.sessions.mkdir(parents=True, exist_ok=True)
        path = self.sessions / f"{name}.jsonl"
        path.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))
        return path

    def make_repository(self) -> None:
        self.repository.mkdir(parents=True)
        git(self.repository, "init", "--quiet")
        (self.repository / "a.py").write_text("print('one line of it')\n")
        git(self.repository, "add", ".")
        git(self.repository, "commit", "--quiet", "-m", "Add a")


def git(directory: Path, *arguments: str) -> None:
    names = {f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(
        ["git", "-C", str(directory), *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path.resolve())


@pytest.fixture
def synced(shell: Shell) -> Shell:
    shell.make_repository()
    shell.write_session("s1")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    shell.run("sync")
    return shell


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
    assert status["synced_at"] and status["database_problem"] is None
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
    assert projects == {"my-app": "pending_processing", "other": "completed"}
    assert synced.json("status")["projects"][0]["last_run_status"] == "failed"


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

    monkeypatch.setattr("ingest.cli.load_projects", bug)
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


def test_summary_reads_the_marts_and_the_last_build(synced: Shell) -> None:
    with duckdb.connect(str(synced.data / "ope.db")) as connection:
        connection.execute(
            "create table main.sessions as select i > 0 as is_subagent, 5400 as active_seconds, 3 as prompts "
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


def commands() -> list[tuple[str, click.Command]]:
    return sorted(main.commands.items())


def test_the_commands_are_the_documented_ones() -> None:
    assert {name for name, _ in commands()} == COMMANDS
    assert set(re.findall(r"^## ([a-z-]+)$", DOCS.read_text(), re.MULTILINE)) == COMMANDS


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_has_help_an_example_and_a_page(name: str, command: click.Command) -> None:
    shown = CliRunner().invoke(main, [name, "-h"]).output
    assert "Example:" in shown and f"python -m ingest {name}" in shown
    assert command.help and len(command.help.split("\n")[0]) > 20
    page = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert page and f"python -m ingest {name}" in page[1]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.opts} has no help"
            assert f"`{parameter.opts[0]}" in page[1], f"{parameter.opts[0]} is not in {DOCS.name}"


def test_every_environment_variable_is_documented() -> None:
    read = set()
    for path in (PRODUCT_ROOT / "ingest").rglob("*.py"):
        read |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"([A-Z_]+)\"", path.read_text()))
    assert {"OPE_DATA_DIR", "CLAUDE_CONFIG_DIR"} <= read
    text = DOCS.read_text()
    read -= {"PATH"}  # the system's own
    assert [name for name in sorted(read) if f"`{name}`" not in text] == []


def test_init_data_makes_a_repository_of_its_own(shell: Shell) -> None:
    assert shell.json("init-data")["is_new"] is True
    for name in (
        "ope.db",
        "ope.db.wal",
        ".redaction_key",
        ".redaction_key.1-ab",
        "raw/a/.scratch/copy",
        "logs/x.log",
        "outputs/x.csv",
        "raw/a/manifest.jsonl",
    ):
        path = shell.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    listing = subprocess.run(
        ["git", "-C", str(shell.data), "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    ).stdout
    assert sorted(line[3:] for line in listing.splitlines()) == [".gitignore", "raw/a/manifest.jsonl"]

    (shell.data / ".gitignore").write_text("mine\n*.db\n")
    assert shell.json("init-data") == {"root": str(shell.data), "is_new": False, "ignore_changed": True}
    kept = (shell.data / ".gitignore").read_text().splitlines()
    assert kept[:2] == ["mine", "*.db"] and kept.count("*.db") == 1 and ".redaction_key*" in kept
    assert shell.json("init-data")["ignore_changed"] is False


def test_init_data_takes_another_directory(shell: Shell, tmp_path: Path) -> None:
    assert "OPE_DATA_DIR" in shell.run("init-data", str(tmp_path / "else where")).stdout
    assert (tmp_path / "else where" / ".gitignore").read_text() == ignore_text()


def test_init_data_refuses_the_program_and_other_repositories(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = tmp_path / "product"
    (product / "data").mkdir(parents=True)
    git(product, "init", "--quiet")
    git(product, "remote", "add", "origin", "git@example.org:team/ope.git")
    monkeypatch.setattr("ingest.data_repository.PRODUCT_ROOT", product)

    for directory in (product, product / "models", product / "data" / "inner"):
        with pytest.raises(IngestError, match="program's own repository"):
            init_data(directory)
    with pytest.raises(IngestError, match="contains the program"):
        init_data(tmp_path)
    assert init_data(product / "data").is_new

    shell.make_repository()
    with pytest.raises(IngestError, match="inside another repository"):
        init_data(shell.repository / "data")

    clone = tmp_path / "clone"
    clone.mkdir()
    git(clone, "init", "--quiet")
    git(clone, "remote", "add", "backup", "https://me:word@Example.org/team/ope")
    with pytest.raises(IngestError, match="same remote") as caught:
        init_data(clone)
    assert "word" not in str(caught.value)
    git(clone, "remote", "set-url", "backup", "https://example.org/team/ope-data")
    assert init_data(clone).is_new is False


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("git@Host.org:a/B.git", "host.org/a/b"),
        ("ssh://git@host.org:22/a/b.git", "host.org/a/b"),
        ("https://host.org/a/b/", "host.org/a/b"),
        ("/srv/git/a.git", "/srv/git/a"),
        ("file:///srv/git/a", "/srv/git/a"),
    ],
)
def test_one_remote_has_many_spellings(address: str, normal: str) -> None:
    assert normal_remote(address) == normal


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
