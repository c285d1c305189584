"""The command line itself: how much it says, where from it runs, what a shell completes, and how its errors read."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from rich.console import Console

from ingest import terminal
from ingest.cli import main
from ingest.commands import program as called
from ingest.errors import IngestError
from ingest.operations.logs import listen
from ingest.paths import PRODUCT_ROOT
from ingest.terminal import MODULE, be_called, be_quiet, duration, progress_shown, show_line, show_table
from tests.ingest.shell import Shell

OPE = PRODUCT_ROOT / "tools" / "ope"


@pytest.fixture(autouse=True)
def as_before():
    yield
    be_quiet(False)
    be_called(MODULE)
    listen(None)


def test_quiet_prints_only_what_went_wrong(synced: Shell) -> None:
    assert synced.run("-q", "status").output == ""
    assert json.loads(synced.run("--quiet", "projects", "--json").output)[0]["project_id"] == "my-app"
    synced.repository.rename(synced.repository.with_name("moved"))
    done = synced.run("--quiet", "sync")
    assert done.stdout == "" and "No git repository" in done.stderr and done.stderr.count("\n") == 1
    assert synced.run("--quiet", "sync", "nobody", code=1).stderr.startswith("Error: ")
    assert "my-app" in synced.run("projects").stdout  # the next command is as loud as ever


def test_verbose_says_each_step_and_why_an_error_came(synced: Shell) -> None:
    lines = synced.run("--verbose", "sync").stderr.splitlines()
    assert "my-app: archive …" in lines and "land …" in lines
    assert any(line.startswith("my-app: git: ok, ") and " s, commits 1" in line for line in lines)
    registry = synced.data / "projects.json"
    registry.write_text("{")
    assert "caused by JSONDecodeError" in synced.run("-v", "projects", code=1).stderr
    assert "caused by" not in synced.run("projects", code=1).stderr
    assert "the opposite" in synced.run("-q", "-v", "projects", code=2).stderr


def test_volume_after_the_command_is_explained(shell: Shell) -> None:
    shown = shell.run("sync", "--quiet", code=2).stderr
    assert "--quiet is written before the command" in shown
    assert "No such option" in shell.run("sync", "--nonsense", code=2).stderr


def test_no_color(monkeypatch) -> None:
    def written(**environment: str) -> str:
        for name in ("NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        out = io.StringIO()
        monkeypatch.setattr(terminal, "console", lambda: Console(file=out, highlight=False, force_terminal=True))
        show_line("careful", "yellow")
        return out.getvalue()

    assert "\x1b[33m" in written(TERM="xterm-256color")
    assert "\x1b[33m" not in written(TERM="xterm-256color", NO_COLOR="1")
    be_quiet(True)
    show_table(("a",), [("b",)])


def test_progress_says_how_fast_it_goes_and_how_long_it_takes(monkeypatch, capsys) -> None:
    clock = [0.0]
    monkeypatch.setattr("ingest.terminal.time.monotonic", lambda: clock[0])
    with progress_shown() as progress:
        for done in (0, 250, 1000):
            progress("one: history", done, 1000)
            progress("one: archive", done * 40_000, 40_000_000)
            clock[0] += 10
    assert capsys.readouterr().err.splitlines() == [
        "one: history: 25 %, 25 commits/s, 30 s left",
        "one: archive: 25 %, 1.0 MB/s, 30 s left",
        "one: history: done, 50 commits/s, 20 s",
        "one: archive: done, 2.0 MB/s, 20 s",
    ]
    be_quiet(True)
    with progress_shown() as progress:
        progress("one: history", 1000, 1000)
    assert capsys.readouterr().err == ""
    assert [duration(seconds) for seconds in (8, 180, 9000)] == ["8 s", "3 min", "2.5 h"]


def test_the_shell_completes_commands_options_and_projects(synced: Shell, monkeypatch) -> None:
    monkeypatch.setenv("OPE_DATA_DIR", str(synced.data))
    complete = ShellComplete(main, {}, "ope", "_OPE_COMPLETE").get_completions
    assert [item.value for item in complete([], "add")] == ["add-project"]
    assert "--repo" in [item.value for item in complete(["add-project"], "--")]
    assert [item.value for item in complete(["sync"], "my")] == ["my-app"]
    assert [item.value for item in complete(["remove-project"], "")] == ["my-app"]
    (synced.data / "projects.json").write_text("{")
    assert complete(["sync"], "my") == []


def test_ope_runs_from_anywhere_and_imports_nothing_of_where_it_is(tmp_path) -> None:
    link = tmp_path / "bin" / "ope"
    link.parent.mkdir()
    link.symlink_to(OPE)
    (tmp_path / "ingest").mkdir()
    (tmp_path / "click.py").write_text("raise SystemExit('imported from the working directory')\n")
    environment = {**os.environ, "_OPE_COMPLETE": "bash_complete", "COMP_WORDS": "ope add", "COMP_CWORD": "1"}
    done = subprocess.run([link], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["plain,add-project"], done.stderr


def test_sentences_name_the_program_as_it_was_called(shell: Shell) -> None:
    def run(name: str, *arguments: str) -> str:
        return CliRunner(env=shell.environment).invoke(main, arguments, prog_name=name).output

    assert "`python -m ingest discover` shows" in run("python -m ingest", "projects")
    named = run("ope", "projects")
    assert "ope discover` shows" in named and "python -m" not in named
    assert "ope add-project" in run("ope", "sync") and "python -m" in run("main", "sync")


def test_a_line_to_paste_begins_with_what_the_shell_finds(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(PRODUCT_ROOT)
    monkeypatch.setattr(called.sys, "executable", str(PRODUCT_ROOT / ".venv/bin/python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert called.program() == ".venv/bin/python -m ingest"
    monkeypatch.setenv("PATH", str(PRODUCT_ROOT / ".venv/bin"))
    assert called.program() == "python -m ingest"
    with click.Context(main, info_name="ope"):
        monkeypatch.setenv("PATH", str(tmp_path))
        assert called.program() == ".venv/bin/ope"
        (tmp_path / "ope").symlink_to(PRODUCT_ROOT / ".venv" / "bin" / "ope")
        (tmp_path / "ope").unlink()
        (tmp_path / "ope").symlink_to(OPE)
        monkeypatch.setattr(called, "SCRIPT", OPE)
        assert called.program() == "ope"


def test_every_error_is_a_sentence_that_says_what_to_do() -> None:
    """What was wrong and where, then, after a colon or a semicolon, what to do about it."""
    lacking = []
    for path in sorted((PRODUCT_ROOT / "ingest").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_error = isinstance(node, ast.Call) and getattr(node.func, "id", "") == IngestError.__name__
            if not is_error or not node.args or not isinstance(node.args[0], (ast.JoinedStr, ast.Constant)):
                continue
            pieces = getattr(node.args[0], "values", [node.args[0]])
            text = "".join(piece.value if isinstance(piece, ast.Constant) else "X" for piece in pieces)
            if not any(mark in text for mark in (": ", "; ", " With --")):
                lacking.append(f"{path.relative_to(PRODUCT_ROOT)}:{node.lineno}: {text}")
    assert lacking == []
