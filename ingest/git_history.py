"""A repository → `git-metadata.json`: who committed what and when, and the fingerprints of the lines, never the lines.

All refs are read: local and remote branches, pull requests, tags, detached heads of worktrees. The stash, notes and
replacements are no history and are left out. Commits that only the local reflog reaches (amended, rebased, reset away)
are read too, as unreachable. A run reads the graph and looks into new commits only. A commit that
vanished from the repository stays in the file. Merges are compared with their first parent and have no fingerprints;
the commits at which a shallow clone was cut have metadata only, because their diff would be the whole tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from ingest.errors import Problem
from ingest.git_commit import parse_commit
from ingest.git_diff import DiffRequest, read_diffs
from ingest.git_graph import Graph, Refs, reaching, read_graph, read_refs
from ingest.git_import import clean_commit, import_history
from ingest.git_patch import CommitDiff, FileChange
from ingest.git_reflog import ReflogEntry, merged_reflog, read_lost, read_reflog
from ingest.git_store import (
    STEP,
    HistoryResult,
    Store,
    opened_store,
    read_problems,
    read_state,
    with_marks,
    write_problems,
    write_state,
)
from ingest.git_stream import Repository, missing_objects, opened, read_objects
from ingest.redaction import Redactor

__all__ = ["HistoryResult", "extract_history", "import_history"]

# Raised when the same repository would give another file: everything is then looked at again.
EXTRACTOR_VERSION = 1
CACHED_TEXTS = 20_000
PROGRESS_STEP = 100

DAMAGED = "missing content"
UNREADABLE = "unreadable commit"

Progress = Callable[[int, int], None]


@dataclass
class _Run:
    """What one run has at hand and what it collects."""

    source: Repository
    redactor: Redactor
    clean: Callable[[str], str]
    redactions: int = 0
    problems: list[tuple[str | None, Problem]] = field(default_factory=list)

    def text(self, value: str) -> str:
        """The value without secrets; a replacement is counted wherever the value stands."""
        clean = self.clean(value)
        self.redactions += clean != value
        return clean

    def problem(self, sha: str | None, path: str, reason: str, detail: str = "") -> None:
        self.problems.append((sha, Problem(STEP, self.clean(path), reason, self.clean(detail))))


def extract_history(
    repository: Path,
    output: Path,
    redactor: Redactor,
    *,
    since: date | None = None,
    progress: Progress | None = None,
    refs: Refs | None = None,
) -> HistoryResult:
    """Bring `output` up to date with the repository that `repository` is in (a checkout, a worktree, a bare one).

    `since`: new commits with an earlier commit time (UTC) are left out; those already in the file stay. `progress` is
    called with (commits looked into, commits to look into). Everything odd is a `Problem`, kept beside the output as
    long as it is true. Another set of redaction rules reads all commits again. `refs`: those of the repository that
    this one is a part of; the commits that it lacks are as the output has them, and the state has as `outside` which
    tips the output lacks. Raises IngestError if there is no repository or the disk refuses; the output is then as it
    was.
    """
    with opened(repository) as source:
        is_part = refs is not None
        refs = refs or read_refs(source)
        reflog = read_reflog(source)
        fingerprint = _fingerprint(refs, reflog, since, redactor.rules_version)
        state = read_state(output)
        if state.get("fingerprint") == fingerprint:
            kept = [problem for _, problem in read_problems(output)]
            return HistoryResult(state["commits"], 0, state["unreachable"], 0, kept)
        is_reread = state.get("reading") != reading(redactor)
        run = _Run(source, redactor, lru_cache(CACHED_TEXTS)(redactor.redact_text))
        with opened_store(output) as store:
            known = set(store.entries)
            found = _completed(source, refs, store) if is_part else read_graph(source, refs)
            _update(run, refs, found, reflog, store, since, progress, is_reread=is_reread)
            store.reflog = merged_reflog(store.old_reflog, [entry.record(run.clean) for entry in reflog])
            # Before the commits: one that is in the file is not read again, and its problems would be lost.
            write_problems(output, run.problems)
            store.write()
            result = HistoryResult(
                commits=len(store.entries),
                new_commits=len(store.entries.keys() - known),
                unreachable=sum(entry.is_reachable is False for entry in store.entries.values()),
                redactions=run.redactions,
                problems=list(dict.fromkeys([*(problem for _, problem in run.problems), *store.problems])),
            )
            outside = {target for _, target in refs.tips} - store.entries.keys()
        write_state(
            output,
            fingerprint=fingerprint,
            reading=reading(redactor),
            commits=result.commits,
            unreachable=result.unreachable,
            **({"outside": sorted(outside)} if is_part else {}),
        )
    return result


def reading(redactor: Redactor) -> str:
    """What the lines of the file were made with: when it changes, they have to be made again."""
    return f"{EXTRACTOR_VERSION} {redactor.rules_version}"


def start_of(since: date | None) -> float:
    """When a day begins in UTC, in seconds since 1970; without one, before everything."""
    return datetime.combine(since, time(), timezone.utc).timestamp() if since else float("-inf")


def _fingerprint(refs: Refs, reflog: list[ReflogEntry], since: date | None, rules_version: str) -> str:
    """What a run depends on: the refs and what they were, where a clone is cut, and how it is read."""
    parts = [f"{EXTRACTOR_VERSION} {rules_version} {since}", *sorted(refs.shallow), *refs.warnings]
    parts += [f"{name} {target}" for name, target in refs.tips]
    parts += [repr(entry) for entry in reflog]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def _completed(source: Repository, refs: Refs, store: Store) -> tuple[Graph, dict[str, str]]:
    """The graph of a repository of which a part is here, with what the store knows of the rest."""
    graph, _ = read_graph(source, read_refs(source))

    def known(sha: str) -> tuple[int, tuple[str, ...]] | None:
        here = graph.commits.get(sha)
        entry = store.entries.get(sha)
        if entry and (here is None or sha in refs.shallow):
            return int(entry.instant.timestamp()), entry.parents
        return here

    commits: dict[str, tuple[int, tuple[str, ...]]] = {}
    level = [target for _, target in refs.tips]
    while level:
        sha = level.pop()
        if sha not in commits and (commit := known(sha)):
            commits[sha] = commit
            level.extend(commit[1])
    whole = Graph({sha: (at, tuple(p for p in parents if p in commits)) for sha, (at, parents) in commits.items()})
    return whole, reaching(whole, refs.tips)


def _update(
    run: _Run,
    refs: Refs,
    found: tuple[Graph, dict[str, str]],
    reflog: list[ReflogEntry],
    store: Store,
    since: date | None,
    progress: Progress | None,
    *,
    is_reread: bool,
) -> None:
    """Read what is new, mark what was found and what was not, and carry over the problems that are still true."""
    graph, source_refs = found
    source_refs = {sha: run.clean(ref) for sha, ref in source_refs.items()}
    commits = graph.commits | read_lost(run.source, graph, reflog)
    boundaries = {
        sha
        for sha, (_, parents) in commits.items()
        if sha in refs.shallow or any(parent in graph.missing for parent in parents)
    }
    before = [(sha, problem) for sha, problem in read_problems(store.path) if sha]
    damaged = {sha for sha, problem in before if problem.reason in (DAMAGED, UNREADABLE)}
    first = start_of(since)
    wanted: dict[str, tuple[str, ...]] = {}
    for sha, (seconds, parents) in commits.items():
        entry = store.entries.get(sha)
        if entry is None:
            is_wanted = seconds >= first
        else:
            # A clone may have been deepened or repaired since.
            is_wanted = is_reread or sha in damaged or (entry.is_boundary and sha not in boundaries)
        if is_wanted:
            wanted[sha] = parents
    if is_reread:
        gone = [sha for sha in store.entries if sha not in commits]
        lost = missing_objects(run.source, gone)
        wanted.update((sha, store.entries[sha].parents) for sha in gone if sha not in lost)
        for sha in lost:
            store.add(clean_commit(store.read(sha), run.text))
    for done, commit in enumerate(_read_commits(run, wanted, boundaries, store), start=1):
        sha = commit["sha"]
        entry = store.entries.get(sha)
        is_reachable = sha in graph.commits if entry is None or sha in graph.commits else entry.is_reachable
        ref = source_refs.get(sha) or (entry.source_ref if entry else None)
        store.add(with_marks(commit, ref, is_reachable, is_boundary=commit.get("is_boundary") is True))
        if progress and (done % PROGRESS_STEP == 0 or done == len(wanted)):
            progress(done, len(wanted))
    for sha, entry in store.entries.items():
        is_reachable = sha in graph.commits
        store.mark(sha, source_ref=source_refs[sha] if is_reachable else entry.source_ref, is_reachable=is_reachable)
    run.problems.extend((sha, problem) for sha, problem in before if sha not in wanted and sha in store.entries)
    for sha, ref in graph.missing.items():
        run.problem(None, sha, "missing commit", ref and f"{ref} points to it")
    for warning in refs.warnings:
        run.problem(None, "refs", "unusable ref", warning)


def _read_commits(
    run: _Run, wanted: dict[str, tuple[str, ...]], boundaries: set[str], store: Store
) -> Iterator[dict[str, Any]]:
    """The wanted commits with their files. One that cannot be read any more is given as the file has it."""
    plain = [DiffRequest(sha, p[0] if p else None) for sha, p in wanted.items() if len(p) < 2 and sha not in boundaries]
    merges = [DiffRequest(sha, p[0]) for sha, p in wanted.items() if len(p) > 1 and sha not in boundaries]
    plain_diffs = read_diffs(run.source, plain, run.redactor, with_lines=True)
    merge_diffs = read_diffs(run.source, merges, run.redactor, with_lines=False)
    for sha, content in read_objects(run.source, list(wanted)):
        diffs = merge_diffs if len(wanted[sha]) > 1 else plain_diffs
        diff = CommitDiff() if sha in boundaries else next(diffs)
        if content is None:
            run.problem(sha, sha, UNREADABLE, "the object is missing or broken")
        elif diff.damage:
            run.problem(sha, sha, DAMAGED, diff.damage)
        if sha in store.entries and (content is None or diff.damage):
            yield clean_commit(store.read(sha), run.text)
        elif content is not None:
            yield _commit(run, sha, content, diff, is_boundary=sha in boundaries)


def _commit(run: _Run, sha: str, content: bytes, diff: CommitDiff, *, is_boundary: bool) -> dict[str, Any]:
    record = parse_commit(content)
    for reason, detail in record.oddities:
        run.problem(sha, sha, reason, detail)
    run.redactions += diff.redacted_lines
    return {
        "sha": sha,
        "parents": record.parents,
        "author_name": run.text(record.author_name),
        "author_email": run.text(record.author_email),
        "authored_at": record.authored_at,
        "committer_name": run.text(record.committer_name),
        "committer_email": run.text(record.committer_email),
        "committed_at": record.committed_at,
        "message": run.text(record.message),
        "files": [_file(run, sha, file) for file in diff.files],
        "is_boundary": is_boundary,
    }


def _file(run: _Run, sha: str, file: FileChange) -> dict[str, Any]:
    return {
        "path": _path(run, sha, file.path),
        "old_path": None if file.old_path is None else _path(run, sha, file.old_path),
        "status": file.status,
        "insertions": file.insertions,
        "deletions": file.deletions,
        "added_line_hashes": file.added,
        "removed_line_hashes": file.removed,
    }


def _path(run: _Run, sha: str, path: bytes) -> str:
    try:
        return run.text(path.decode("utf-8"))
    except UnicodeDecodeError:
        text = path.decode("utf-8", "replace")
        run.problem(sha, f"{sha}:{text}", "undecodable path", "bytes that are not UTF-8 were replaced")
        return run.text(text)
