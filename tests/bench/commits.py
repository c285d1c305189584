"""Commits with and without the hook that names the session."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from pathlib import Path

from ingest.hooks.install import install

AN_HOUR = 3600
RECORD = '{"parentUuid":null,"cwd":"CWD","type":"user","message":{"role":"user","content":"FILLED"}}\n'


def commit_times(directory: Path, commits: int, logs: int) -> dict[str, list[float]]:
    """Milliseconds of each of `commits` commits per kind: without the hook, session by environment, session by log.

    The kinds take turns, so that whatever else the machine does falls on all of them. The log that is being written
    lies among `logs` older ones, each with a directory of two subagents, and is 20 MB long.
    """
    home = directory / "home"
    places = {name: directory / name for name in ("plain", "environment", "log")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "CLAUDE"))}
    environment |= {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}
    environment |= {f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")}
    environment |= {f"GIT_{who}_EMAIL": "ada@example.com" for who in ("AUTHOR", "COMMITTER")}
    for path in places.values():
        subprocess.run(["git", "init", "--quiet", str(path)], check=True, env=environment)
    for name in ("environment", "log"):
        install(places[name])
    running = _logs(home / ".claude" / "projects", places["log"].resolve(), logs)
    by_name = {"CLAUDE_CODE_SESSION_ID": str(uuid.uuid4())}
    kinds = {
        "without the hook": (places["plain"], {}),
        "session by environment": (places["environment"], by_name),
        "session by log": (places["log"], {}),
    }
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(commits):
        running.touch()
        for kind, (path, extra) in kinds.items():
            (path / "file").write_text(f"{number}\n")
            subprocess.run(["git", "-C", str(path), "add", "file"], check=True, env=environment)
            command = ["git", "-C", str(path), "commit", "--quiet", "-m", f"Change {number}\n\nWhy it was changed."]
            started = time.perf_counter()
            subprocess.run(command, check=True, env=environment | extra)
            times[kind].append((time.perf_counter() - started) * 1000)
    for kind, (path, _) in kinds.items():
        counted = ["git", "-C", str(path), "rev-list", "--count", "--grep=^Claude-Session-Id: ", "HEAD"]
        found = int(subprocess.run(counted, check=True, env=environment, capture_output=True).stdout)
        assert found == (0 if kind == "without the hook" else commits), f"{kind}: {found} trailers"
    return times


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that `percent` per cent of the values do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def _logs(projects: Path, worktree: Path, count: int) -> Path:
    """Old logs of a worktree, and one that is being written now."""
    place = projects / "".join(character if character.isalnum() else "-" for character in str(worktree))
    place.mkdir(parents=True)
    record = RECORD.replace("CWD", str(worktree))
    long_ago = time.time() - 24 * AN_HOUR
    for _ in range(count):
        session = str(uuid.uuid4())
        (place / session / "subagents").mkdir(parents=True)
        names = [f"{session}.jsonl", *(f"{session}/subagents/agent-{number}.jsonl" for number in range(2))]
        for name in names:
            (place / name).write_text(record)
            os.utime(place / name, (long_ago, long_ago))
    running = place / f"{uuid.uuid4()}.jsonl"
    running.write_text(record.replace("FILLED", "x" * 10_000) * 2_000)
    return running
