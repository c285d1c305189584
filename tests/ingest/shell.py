"""Commands as a person gives them, in a data directory, a home and a repository of their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import duckdb
from click.testing import CliRunner, Result

from ingest.cli import main


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
