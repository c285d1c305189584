"""The commits of both: those that ours lacks are added, with their texts redacted by our rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.errors import IngestError, Problem
from ingest.git_import import CACHED_TEXTS, canonical_commit, clean_commit
from ingest.git_reflog import clean_reflog, merged_reflog
from ingest.git_store import opened_store, read_problems, write_problems
from ingest.json_stream import Broken, read_commits_anyhow, read_reflog_lines
from ingest.merging.other import STEP, Other, UnreadableError
from ingest.paths import DataDir
from ingest.redaction import Redactor

NAME = "git-metadata.json"


@dataclass
class HistoryMerged:
    """Commits that were taken (or would be), and those of a shallow clone here that are whole there."""

    commits: int = 0
    completed: int = 0
    problems: list[Problem] = field(default_factory=list)


def merge_history(
    data: DataDir, project_id: str, other: Other, their_id: str, redactor: Redactor, *, dry_run: bool = False
) -> HistoryMerged:
    """Bring our `git-metadata.json` up to what both know. A file that lacks nothing is not written."""
    merged = HistoryMerged()
    try:
        source = other.path("processed", their_id, NAME)
    except UnreadableError as error:
        merged.problems.append(error.problem(NAME))
        return merged
    if not source.is_file():
        return merged
    output = data.git_metadata(project_id)
    if dry_run and not output.exists():
        merged.commits = sum(isinstance(value, dict) for _, value in _commits(source, merged))
        return merged
    is_new = not output.exists()
    seen: set[str] = set()
    clean = lru_cache(CACHED_TEXTS)(redactor.redact_text)
    with opened_store(output) as store:
        for number, value in _commits(source, merged):

            def complain(reason: str, detail: str = "", line: int | None = number) -> None:
                merged.problems.append(Problem(STEP, NAME, reason, clean(detail), line))

            commit = canonical_commit(value, complain)
            if commit is None or commit["sha"] in seen:
                continue
            seen.add(commit["sha"])
            ours = store.entries.get(commit["sha"])
            if ours is None:
                merged.commits += 1
            elif ours.is_boundary and commit.get("is_boundary") is not True:
                merged.completed += 1
            else:
                continue
            if not dry_run:
                store.add(clean_commit(commit, clean))
        if dry_run:
            return merged
        # Ours come last: they are what the next extraction finds again.
        store.reflog = merged_reflog(clean_reflog(read_reflog_lines(source), clean), store.old_reflog)
        if not (merged.commits or merged.completed) and store.reflog == store.old_reflog and not is_new:
            return merged
        store.write()
    if is_new:
        write_problems(output, read_problems(source) if _has_problems(other, their_id) else [])
    return merged


def _has_problems(other: Other, their_id: str) -> bool:
    try:
        return other.path("processed", their_id, "git-problems.jsonl").is_file()
    except UnreadableError:
        return False


def _commits(source: Path, merged: HistoryMerged) -> Iterator[tuple[int | None, Any]]:
    """The values of a history with their lines; what is none is a problem."""
    try:
        for number, value in read_commits_anyhow(source):
            if isinstance(value, Broken):
                merged.problems.append(Problem(STEP, NAME, "malformed commit", value.reason[:200], number))
            else:
                yield number, value
    except (IngestError, OSError) as error:
        merged.problems.append(Problem(STEP, NAME, "history cannot be read", str(error)[:200]))
