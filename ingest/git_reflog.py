"""The local reflog: which hashes a branch or a checkout had before, and the commits that no ref reaches any more.

An amend, a rebase or a reset leaves the old commit without a ref, but for some months git keeps it for its reflog.
The logs are read as files (every worktree's HEAD, local and remote branches; never the stash), so nothing is locked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ingest.git_graph import Graph
from ingest.git_stream import Repository, StreamBroken, object_kinds, process

# Newest entries that are kept, of all logs together, and commits without a ref that are read.
MAXIMUM_ENTRIES = 20_000
MAXIMUM_LOST_COMMITS = 5_000
MESSAGE_CHARACTERS = 500
READ_BYTES = 32_000_000

_ENTRY = re.compile(
    rb"(?P<old>[0-9a-f]{40,64}) (?P<new>[0-9a-f]{40,64}) "
    rb"[^\t]*> (?P<seconds>\d{1,11}) (?P<zone>[+-]\d{4})\t?(?P<said>.*)"
)
_OBJECT_NAME = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_KEYS = ("ref", "entry_index", "commit_sha", "previous_sha", "action", "message", "moved_at")


@dataclass(frozen=True)
class ReflogEntry:
    """One move of a ref. `entry_index` counts from 1, the oldest, in its log; `previous_sha` is None for the first."""

    ref: str
    entry_index: int
    commit_sha: str
    previous_sha: str | None
    action: str
    message: str
    moved_at: str

    def record(self, text: Callable[[str], str]) -> dict[str, Any]:
        """The entry as it stands in `git-metadata.json`, with `text` applied to what people wrote."""
        return {
            "ref": text(self.ref),
            "entry_index": self.entry_index,
            "commit_sha": self.commit_sha,
            "previous_sha": self.previous_sha,
            "action": text(self.action),
            "message": text(self.message),
            "moved_at": self.moved_at,
        }


def read_reflog(repository: Repository) -> list[ReflogEntry]:
    """The newest entries of all logs, by ref and position.

    What is no entry, and a log that cannot be read, is left out.
    `HEAD` of another worktree is called `worktrees/<name>/HEAD`.
    """
    entries = [entry for ref, path in _logs(repository.git_dir) for entry in _entries(ref, path)]
    if len(entries) > MAXIMUM_ENTRIES:
        entries = sorted(entries, key=lambda entry: (entry.moved_at, entry.ref, entry.entry_index))[-MAXIMUM_ENTRIES:]
    return sorted(entries, key=lambda entry: (entry.ref, entry.entry_index))


def read_lost(
    repository: Repository, graph: Graph, entries: list[ReflogEntry]
) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Commit → (committer time, parents) of what only the reflog reaches, the newest of them if they are many."""
    named = [sha for entry in reversed(entries) for sha in (entry.commit_sha, entry.previous_sha) if sha]
    unknown = [sha for sha in dict.fromkeys(named) if sha not in graph.commits]
    tips = [sha for sha, kind in object_kinds(repository, unknown) if kind == "commit"][:MAXIMUM_LOST_COMMITS]
    if not tips:
        return {}
    # All that the refs reach is known by now: a child in it has its parents in it too.
    known = {parent for _, parents in graph.commits.values() for parent in parents}
    ends = [f"^{sha}\n".encode() for sha in graph.commits if sha not in known]
    found: dict[str, tuple[int, tuple[str, ...]]] = {}
    try:
        with process(
            repository,
            ["rev-list", "--parents", "--timestamp", f"--max-count={MAXIMUM_LOST_COMMITS}", "--stdin"],
            [*(f"{sha}\n".encode() for sha in tips), *ends],
        ) as stream:
            for line in stream.lines():
                time, sha, *parents = line.decode("ascii", "replace").split(" ")
                if sha not in graph.commits:
                    found[sha] = (int(time), tuple(parents))
    except StreamBroken:
        # A damaged repository: what git told before stays.
        return found
    return found


def merged_reflog(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Both, without repetitions: git forgets the entries of a branch that is deleted, and all of them after months."""
    known = {_identity(entry) for entry in new}
    by_ref: dict[str, list[dict[str, Any]]] = {}
    for entry in [*(entry for entry in old if _identity(entry) not in known), *new]:
        by_ref.setdefault(entry["ref"], []).append(entry)
    merged = [
        {**entry, "entry_index": index} for ref in sorted(by_ref) for index, entry in enumerate(by_ref[ref], start=1)
    ]
    return merged[-MAXIMUM_ENTRIES:]


def clean_reflog(values: Iterable[Any], text: Callable[[str], str]) -> list[dict[str, Any]]:
    """The usable entries of a reflog that somebody else wrote, as ours are written and with `text` applied."""
    found = []
    for value in values:
        entry = {key: value.get(key) for key in _KEYS} if isinstance(value, dict) else {}
        names = [entry.get("commit_sha"), entry.get("previous_sha") or "0" * 40]
        if (
            all(isinstance(name, str) and _OBJECT_NAME.fullmatch(name) for name in names)
            and isinstance(entry["ref"], str)
            and isinstance(entry["entry_index"], int)
            and all(entry[key] is None or isinstance(entry[key], str) for key in ("action", "message", "moved_at"))
        ):
            entry |= {key: text(entry[key] or "") for key in ("ref", "action", "message")}
            found.append(entry)
    return found


def _identity(entry: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(key) for key in _KEYS if key != "entry_index")


def _logs(git_dir: Path) -> Iterator[tuple[str, Path]]:
    """(ref, log) in order; links are not followed."""
    yield "HEAD", git_dir / "logs/HEAD"
    for worktree in sorted(_children(git_dir / "worktrees")):
        yield f"worktrees/{worktree.name}/HEAD", worktree / "logs/HEAD"
    for kind in ("heads", "remotes"):
        stack = [git_dir / "logs/refs" / kind]
        while stack:
            place = stack.pop()
            if place.is_symlink():
                continue
            if place.is_dir():
                stack.extend(_children(place))
            else:
                yield str(place.relative_to(git_dir / "logs")), place


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _entries(ref: str, path: Path) -> Iterator[ReflogEntry]:
    try:
        if path.is_symlink() or not path.is_file():
            return
        with path.open("rb") as source:
            size = path.stat().st_size
            source.seek(max(0, size - READ_BYTES))
            lines = source.read(READ_BYTES).split(b"\n")
    except OSError:
        return
    for number, line in enumerate(lines, start=1):
        match = _ENTRY.fullmatch(line)
        if not match or not int(match["new"], 16):
            continue
        said = match["said"].decode("utf-8", "replace").replace("\0", "\ufffd")[:MESSAGE_CHARACTERS]
        moved_at = _moment(int(match["seconds"]), match["zone"].decode("ascii"))
        if moved_at:
            yield ReflogEntry(
                ref=ref.encode("utf-8", "replace").decode("utf-8"),
                entry_index=number,
                commit_sha=match["new"].decode("ascii"),
                previous_sha=match["old"].decode("ascii") if int(match["old"], 16) else None,
                action=said.partition(":")[0].strip(),
                message=said.strip(),
                moved_at=moved_at,
            )


def _moment(seconds: int, zone: str) -> str | None:
    minutes = int(zone[1:3]) * 60 + int(zone[3:])
    try:
        offset = timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
        return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)).astimezone(offset).isoformat()
    except (OverflowError, ValueError):
        return None
