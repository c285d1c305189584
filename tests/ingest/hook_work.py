"""A repository whose commits run our hook, and an agent's home with logs that are being written."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.hooks.install import install
from tests.ingest.git_tools import Work

SESSION = "0f0e0d0c-1111-4222-8333-444455556666"
OTHER = "aaaaaaaa-1111-4222-8333-bbbbbbbbbbbb"
TRAILER = f"Claude-Session-Id: {SESSION}"
# Whoever runs the tests may be an agent.
AGENT = "CLAUDECODE CLAUDE_CODE_SESSION_ID CLAUDE_SESSION_ID CLAUDE_CONFIG_DIR"
OTHER_AGENTS = "AIDER_MODEL CODEX_SANDBOX CODEX_THREAD_ID COPILOT_CLI CURSOR_AGENT GEMINI_CLI OPENCODE"
NO_AGENT = dict.fromkeys(f"{AGENT} {OTHER_AGENTS}".split(), "")


class HookWork(Work):
    """`environment` is what every git command gets; at first no session runs."""

    def __init__(self, path: Path, home: Path, *init: str) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        self.environment = NO_AGENT | {"HOME": str(home), "GIT_EDITOR": "false"}
        super().__init__(path, *init)

    def git(self, *arguments, data=b"", **environment) -> str:
        return super().git(*arguments, data=data, **self.environment | environment)

    def run_session(self, session=SESSION) -> None:
        """The environment says that it runs."""
        self.environment["CLAUDE_CODE_SESSION_ID"] = session

    def fails(self, *arguments, **environment) -> str:
        """Standard error of a git command that must fail."""
        done = subprocess.run(
            ["git", "-C", self.path, *arguments],
            env=os.environ | AUTHOR | self.environment | environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0, done.stdout
        return done.stderr

    def message(self, commit="HEAD") -> str:
        return self.git("log", "-1", "--format=%B", commit)

    def ids(self, commit="HEAD") -> list[str]:
        return re.findall(r"^Claude-Session-Id: (\S+)$", self.message(commit), re.MULTILINE)

    def log(self, directory: Path, session=SESSION, *, cwd=None, minutes=0, below="") -> Path:
        """A log for a session that was started in `directory`, last written some minutes ago."""
        name = re.sub(r"[^a-zA-Z0-9]", "-", str(directory))
        path = self.home / ".claude" / "projects" / name / (below or f"{session}.jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        cwd = str(directory if cwd is None else cwd).replace("\\", "\\\\").replace('"', '\\"')
        path.write_text(f'{{"type":"summary"}}\n{{"parentUuid":null,"cwd":"{cwd}","sessionId":"{session}"}}\n')
        written = time.time() - 60 * minutes
        os.utime(path, (written, written))
        return path

    def hook(self, content: str, name="prepare-commit-msg", mode=0o755) -> Path:
        """A hook that somebody else has put there."""
        path = self.path / ".git" / "hooks" / name
        path.write_text(content)
        path.chmod(mode)
        return path

    def editor(self, script: str) -> dict[str, str]:
        """An editor that is a shell script; the file is $1."""
        path = self.home / "editor.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return {"GIT_EDITOR": f"'{path}'"}


AUTHOR = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "LC_ALL": "C",
}


def hooked(root: Path, name="a repository") -> HookWork:
    """A repository with one commit from before and our hook set up."""
    work = HookWork(root / name, root / "home")
    work.commit("from before")
    install(work.path)
    return work


def picture(directory: Path):
    """Everything below a directory: kind, mode, target or content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        kind = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(directory))] = (path.lstat().st_mode, kind)
    return found


def hooks(work):
    return work.path / ".git" / "hooks"


def refused(action, work, **options):
    """The one sentence; nothing on disk is changed."""
    before = picture(work.path.parent)
    with pytest.raises(IngestError) as error:
        action(work.path, **options)
    assert picture(work.path.parent) == before
    return str(error.value)
