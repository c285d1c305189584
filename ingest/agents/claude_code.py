"""Claude Code: where its sessions lie and what each file is.

A directory name encodes a working directory, but with loss: it is never decoded. Identity comes from the file's place
(session ids) and from the `cwd` inside the records (which repository a session worked in).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from ingest.agents import SourceFile
from ingest.errors import Problem
from ingest.files import is_inside, open_regular, printable
from ingest.repositories import common_directory, is_directory, worktree_paths

__all__ = [
    "AGENT",
    "SourceFile",
    "cleanup_days",
    "default_root",
    "directory_of",
    "find_session_directories",
    "first_cwd",
    "list_files",
]

AGENT = "claude-code"
STEP = "archive"
FIRST_RECORDS_BYTES = 4 * 1024 * 1024
READ_BYTES = 64 * 1024
# What Claude Code does where its settings do not say otherwise (`cleanupPeriodDays`).
DEFAULT_CLEANUP_DAYS = 30
# Where it makes worktrees of its own, below the repository.
WORKTREES = "/.claude/worktrees/"

_OTHER = re.compile(r"[^A-Za-z0-9]")
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def default_root() -> Path:
    """Where Claude Code keeps a directory per working directory: `projects` in `CLAUDE_CONFIG_DIR` or `~/.claude`."""
    configured = os.environ.get("CLAUDE_CONFIG_DIR", "").strip()
    return (Path(configured).expanduser() if configured else Path.home() / ".claude") / "projects"


def directory_of(cwd: str) -> str:
    """The name of the directory that Claude Code keeps for a working directory: its path, with `-` for all but letters
    and digits."""
    return _OTHER.sub("-", cwd)


def cleanup_days(root: Path | None = None) -> int:
    """After how many days the agent deletes a session: what its settings say, else its default."""
    settings = (root or default_root()).parent / "settings.json"
    try:
        value = json.loads(settings.read_text(encoding="utf-8")).get("cleanupPeriodDays")
    except (OSError, ValueError, AttributeError):
        return DEFAULT_CLEANUP_DAYS
    is_days = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if is_days else DEFAULT_CLEANUP_DAYS


def list_files(root: Path) -> tuple[list[SourceFile], list[Problem]]:
    """Transcripts and sidecars below `root` at any depth, sorted by path, and what could not be listed.

    Symbolic links are never followed (`root` itself may be one: the user named it). Everything else
    (`memory/`, `sessions-index.json` ...) is not the archive's business. Problem paths are relative to `root`.
    """
    root = root.resolve()
    files: list[SourceFile] = []
    problems: list[Problem] = []
    for parts, entry in _walk(root, (), problems):
        relative = "/".join(parts)
        kind = _kind(parts)
        if entry.is_symlink():
            if kind or _leads_to_directory(entry):
                problems.append(Problem(STEP, printable(relative), "symbolic link", "links are not followed"))
        elif kind and entry.is_dir(follow_symlinks=False):
            if parts[-1].endswith((".jsonl", ".meta.json")):
                problems.append(Problem(STEP, printable(relative), "not a file", "a directory with the name of a file"))
        elif kind and not entry.is_file(follow_symlinks=False):
            problems.append(Problem(STEP, printable(relative), "not a file", "a pipe, socket or device"))
        elif kind:
            session_id, parent = _identity(root, parts)
            files.append(SourceFile(root, relative, kind, session_id, parent, AGENT))
    files.sort(key=lambda file: file.relative_path)
    problems.sort(key=lambda problem: (problem.path, problem.reason))
    return files, problems


def first_cwd(path: Path) -> str | None:
    """The first `cwd` in the records of a transcript; None if its first megabytes have none or it is unreadable."""
    return _first_value(path, "cwd")


def find_session_directories(repository: Path, root: Path | None = None) -> list[Path]:
    """The directories directly below `root` with a session that began in `repository` or one of its worktrees.

    A `cwd` that still exists is matched by its git common directory, one that is gone by its path below a known
    worktree. Sorted; empty if `root` does not exist. Raises IngestError if `repository` is none.
    """
    root = (default_root() if root is None else root).resolve()
    wanted = common_directory(repository)
    known = worktree_paths(repository)
    decided: dict[str, bool] = {}

    def belongs(cwd: str) -> bool:
        if cwd not in decided:
            common = common_directory(Path(cwd)) if is_directory(cwd) else None
            decided[cwd] = common == wanted if common else any(is_inside(cwd, path) for path in known)
        return decided[cwd]

    found = []
    try:
        directories = sorted(entry.path for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    for directory in map(Path, directories):
        files, _ = list_files(directory)
        cwds = (first_cwd(file.path) for file in files if file.kind == "transcript")
        if any(belongs(cwd) for cwd in cwds if cwd):
            found.append(directory)
    return found


def _walk(
    directory: Path, above: tuple[str, ...], problems: list[Problem]
) -> Iterator[tuple[tuple[str, ...], os.DirEntry[str]]]:
    """Every entry below `directory` with its path parts; never descends into a link."""
    pending = [(directory, above)]
    while pending:
        current, parts = pending.pop()
        try:
            with os.scandir(current) as listing:
                entries = list(listing)
        except OSError as error:
            path = printable("/".join(parts)) or "."
            problems.append(Problem(STEP, path, "directory not readable", error.strerror or str(error)))
            continue
        for entry in entries:
            below = (*parts, entry.name)
            if entry.is_dir(follow_symlinks=False) and entry.name != "memory":
                pending.append((Path(entry.path), below))
            yield below, entry


def _leads_to_directory(link: os.DirEntry[str]) -> bool:
    try:
        return link.is_dir()
    except OSError:  # a loop, or a target that may not be looked at: worth a line too
        return True


def _kind(parts: tuple[str, ...]) -> str | None:
    """transcript, sidecar, or None for what is not archived."""
    name, directories = parts[-1], parts[:-1]
    if "memory" in directories:
        return None
    if "tool-results" in directories:
        return "sidecar"
    if name.endswith(".meta.json"):
        return "sidecar"
    if not name.endswith(".jsonl"):
        return None
    if name == "journal.jsonl" and any(pair == ("subagents", "workflows") for pair in pairwise(directories)):
        return "sidecar"
    return "transcript"


def _identity(root: Path, parts: tuple[str, ...]) -> tuple[str, str | None]:
    """Session id and parent session id of a file, from its place; for old flat subagent files from their records."""
    name = printable(parts[-1])
    directories = tuple(map(printable, (root.name, *parts[:-1])))
    stem = name.removesuffix(".jsonl").removesuffix(".meta.json")
    if "subagents" in directories[1:]:
        parent = directories[directories.index("subagents", 1) - 1]
        if "tool-results" in directories:
            owner = directories[directories.index("tool-results") - 1]
            return (f"{parent}/{owner}", parent) if owner.startswith("agent-") else (parent, None)
        return (parent, None) if stem == "journal" else (f"{parent}/{stem}", parent)
    if "tool-results" in directories[1:]:
        return directories[directories.index("tool-results", 1) - 1], None
    if stem.startswith("agent-"):
        transcript = root.joinpath(*parts[:-1], parts[-1].removesuffix(".jsonl").removesuffix(".meta.json") + ".jsonl")
        parent_id = _first_value(transcript, "sessionId")
        if parent_id and _SAFE_ID.fullmatch(parent_id) and parent_id != stem:
            return f"{parent_id}/{stem}", parent_id
    return stem, None


def _first_value(path: Path, key: str) -> str | None:
    """The first string under `key` at the top of a record, in at most FIRST_RECORDS_BYTES."""
    needle = json.dumps(key).encode()
    for line in _first_lines(path):
        if needle not in line:
            continue
        try:
            record: Any = json.loads(line)
        except (ValueError, RecursionError):
            continue
        value = record.get(key) if isinstance(record, dict) else None
        if isinstance(value, str) and value:
            return value
    return None


def _first_lines(path: Path) -> Iterator[bytes]:
    """The lines of the first FIRST_RECORDS_BYTES, read in small pieces; the last may be cut."""
    try:
        descriptor, _ = open_regular(path)
    except OSError:
        return
    try:
        rest = b""
        offset = 0
        while offset < FIRST_RECORDS_BYTES:
            piece = os.pread(descriptor, READ_BYTES, offset)
            if not piece:
                break
            offset += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        if rest:
            yield rest
    except OSError:
        return
    finally:
        os.close(descriptor)
