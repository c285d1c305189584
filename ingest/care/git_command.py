"""Git commands that nobody watches: no shell, prompt, hook or signature, no location from outside, an end in time."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import printable
from ingest.settings import setting

# Of git's own variables only those that say where the user's settings and git itself are.
_KEPT = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_EXEC_PATH")
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.excludesFile=/dev/null",
    # Archived bytes are committed as they are.
    "core.autocrlf=false",
    "core.safecrlf=false",
    "commit.gpgSign=false",
)


@dataclass(frozen=True)
class GitAnswer:
    """Exit code, standard output, and the last line of standard error of a git command."""

    code: int
    output: bytes
    error: str

    @property
    def text(self) -> str:
        """Standard output without its last line end; bytes that are no UTF-8 as lone surrogates."""
        return os.fsdecode(self.output.removesuffix(b"\n"))

    @property
    def fields(self) -> list[str]:
        """What `-z` separates."""
        return [os.fsdecode(field) for field in self.output.split(b"\0") if field]


def run_git(directory: Path, *arguments: str, typed: bytes = b"", settings: tuple[str, ...] = ()) -> GitAnswer:
    """Run git in `directory`; `typed` is its standard input, `settings` are further ones for this command.

    Raises IngestError where git cannot be started or takes longer than variable `git_seconds`; it is then ended, with
    whatever it had started.
    """
    command = ["git", "--no-pager"]
    for each in (*_SETTINGS, *settings):
        command += ["-c", each]
    seconds = setting("git_seconds")
    try:
        with subprocess.Popen(
            [*command, *arguments],
            cwd=directory,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                output, error = process.communicate(typed, timeout=seconds)
            except BaseException as failure:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(failure, subprocess.TimeoutExpired):
                    raise
                raise IngestError(
                    f"`git {arguments[0]}` in {printable(str(directory))} did not end within {seconds} seconds: run it "
                    "there by hand to see what it waits for, or raise git_seconds in dbt_project.yml."
                ) from failure
    except FileNotFoundError as failure:
        if not directory.is_dir():
            raise IngestError(f"There is no directory {printable(str(directory))}: check the path.") from failure
        raise IngestError("git cannot be started: install git and put it on the PATH.") from failure
    except OSError as failure:
        raise IngestError(f"git cannot be run ({failure.strerror}): install it and try again.") from failure
    lines = [line for line in os.fsdecode(error).splitlines() if line.strip() and not line.startswith("hint:")]
    return GitAnswer(process.returncode, output, printable(lines[-1].strip()) if lines else "")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    return kept | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_EDITOR": "false",
        "GIT_ASKPASS": "false",
        "SSH_ASKPASS": "false",
    }
