"""Why a commit is linked to a session, or to none: what `python -m ingest explain` shows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb

from ingest.correlation_evidence import Explained, explain_links
from ingest.correlations import Link, opened_marts, read_links, require_marts, rows_of
from ingest.errors import IngestError
from ingest.explaining.session import NEEDED, Told, read_session
from ingest.paths import DataDir
from ingest.registry import get_project
from ingest.terminal import visible

# Candidates of a commit, or commits of a session, that are explained unless more are asked for.
BEST = 5
# Digits that a hash must have, and characters that a session id must have, to be looked for as the beginning of one.
PREFIX_LENGTH = 4
SHOWN_MATCHES = 5

_HASH = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True)
class ChangedFile:
    """A file of a commit; `agent_lines` are the added lines that an agent's session wrote, unchanged or not."""

    path: str
    old_path: str | None
    status: str | None
    insertions: int | None
    deletions: int | None
    is_binary: bool | None
    agent_lines: int | None


@dataclass(frozen=True)
class Relative:
    """Another commit of the same family: the same change under another hash."""

    commit_sha: str
    subject: str | None
    is_origin: bool


@dataclass(frozen=True)
class CommitExplained:
    """A commit and its candidates, best first. `candidates_in_all` counts those that are not in `candidates` too."""

    project_id: str
    commit_sha: str
    subject: str | None
    author_name: str | None
    author_email: str | None
    authored_at: datetime | None
    committed_at: datetime | None
    source_ref: str | None
    is_merge: bool | None
    is_bot: bool | None
    insertions: int | None
    deletions: int | None
    copy_of_sha: str | None
    linked_session_id: str | None
    link_confidence: float | None
    unlinked_reason: str | None
    files: list[ChangedFile]
    family: list[Relative]
    candidates: list[Explained]
    candidates_in_all: int


@dataclass(frozen=True)
class SessionExplained:
    """A session, the commits it is linked to, and those that it was a candidate for, most confident first; and what it
    did beside.

    `asked_for` is the id that was found: that of a subagent where its parent is explained.
    """

    project_id: str
    session_id: str
    asked_for: str
    title: str | None
    git_branches: str | None
    started_at: datetime | None
    ended_at: datetime | None
    accepted: list[Explained]
    accepted_in_all: int
    near_misses: list[Explained]
    near_misses_in_all: int
    told: Told


def explain(
    data: DataDir,
    target: str,
    *,
    project_id: str | None = None,
    best: int | None = BEST,
    with_lines: bool = False,
) -> CommitExplained | SessionExplained:
    """Explain the commit or the session whose hash or id is, or begins with, `target`; `best` None means all.

    Raises IngestError where nothing or more than one thing fits, and as `opened_marts`.
    """
    if project_id is not None:
        get_project(data, project_id)
    with opened_marts(data) as connection:
        commits, sessions = _find(connection, target.strip(), project_id)
        found = [f"commit {sha[:16]} of {project}" for project, sha in commits]
        found += [f"session {root} of {project}" for project, root, _ in sessions]
        if not found:
            raise IngestError(_nothing_found(connection, target.strip(), project_id))
        if len(found) > 1:
            raise IngestError(_ambiguous(target.strip(), found, commits))
        if commits:
            return _explain_commit(connection, *commits[0], best=best, with_lines=with_lines)
        require_marts(connection, data, NEEDED)
        return _explain_session(connection, *sessions[0], best=best, with_lines=with_lines)


def _find(
    connection: duckdb.DuckDBPyConnection, target: str, project_id: str | None
) -> tuple[list[tuple[str, str]], list[tuple[str, str, str]]]:
    """The commits and the root sessions that fit; whole ones before beginnings."""
    commits: list[tuple[str, str]] = []
    if _HASH.fullmatch(target.lower()):
        commits = connection.execute(
            "select project_id, commit_sha from main.commits where starts_with(commit_sha, $target) "
            "and ($project is null or project_id = $project) order by 1, 2",
            {"target": target.lower(), "project": project_id},
        ).fetchall()
    rows = connection.execute(
        "select coalesce(project_id, ''), root_session_id, min(session_id), bool_or(session_id = $target) "
        "from main.sessions where (session_id = $target or ends_with(session_id, '/' || $target) "
        "or (length($target) >= $shortest and starts_with(session_id, $target))) and $target <> '' "
        "and ($project is null or project_id = $project) group by 1, 2 order by 1, 2",
        {"target": target, "shortest": PREFIX_LENGTH, "project": project_id},
    ).fetchall()
    sessions = [row[:3] for row in rows if row[3]] or [row[:3] for row in rows]
    if any(row[3] for row in rows):
        return [], sessions
    if any(sha == target.lower() for _, sha in commits):
        return commits, []
    return commits, sessions


def _nothing_found(connection: duckdb.DuckDBPyConnection, target: str, project_id: str | None) -> str:
    count = connection.execute(
        "select (select count(*) from main.commits) + (select count(*) from main.sessions)"
    ).fetchall()
    if not count[0][0]:
        return "The marts hold no commit and no session yet: run `python -m ingest sync` and `dbt build`."
    where = f" of project {project_id}" if project_id else ""
    return (
        f"No commit and no session{where} begins with {visible(target, 80)!r}: give {PREFIX_LENGTH} or more digits of "
        "a commit's hash, or the beginning of a session's id; what came after the last `dbt build` is not known yet."
    )


def _ambiguous(target: str, found: Sequence[str], commits: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(visible(item, 120) for item in found[:SHOWN_MATCHES])
    rest = f" and {len(found) - SHOWN_MATCHES} more" if len(found) > SHOWN_MATCHES else ""
    is_same = len(found) == len(commits) and len({sha for _, sha in commits}) == 1
    advice = "choose one with --project" if is_same else "give more characters"
    return f"{visible(target, 80)!r} fits {shown}{rest}: {advice}."


def read_commit(connection: duckdb.DuckDBPyConnection, project_id: str, commit_sha: str) -> CommitExplained:
    """A commit that is there, with its files and its family, but without its candidates."""
    (commit,) = rows_of(
        connection,
        "select project_id, commit_sha, subject, author_name, author_email, authored_at, committed_at, source_ref, "
        "is_merge, is_bot, insertions, deletions, copy_of_sha, linked_session_id, link_confidence, unlinked_reason, "
        "family_id from main.commits where project_id = ? and commit_sha = ?",
        [project_id, commit_sha],
    )
    family_id = commit.pop("family_id")
    files = rows_of(
        connection,
        """
        select
            files.path, files.old_path, files.status, files.insertions, files.deletions, files.is_binary,
            written.agent_lines + written.changed_lines as agent_lines
        from main.commit_files as files
        left join main.commit_attribution as written
            on files.project_id = written.project_id
            and files.commit_sha = written.commit_sha
            and files.path = written.path
        where files.project_id = ? and files.commit_sha = ?
        order by files.file_index
        """,
        [project_id, commit_sha],
    )
    family = rows_of(
        connection,
        "select commit_sha, subject, commit_sha is not distinct from ? as is_origin from main.commits "
        "where project_id = ? and commit_sha <> ? and (family_id = ? or commit_sha = ? or copy_of_sha = ?) "
        "order by committed_at nulls last, commit_sha",
        [commit["copy_of_sha"], project_id, commit_sha, family_id, commit["copy_of_sha"], commit_sha],
    )
    return CommitExplained(
        **commit,
        files=[ChangedFile(**row) for row in files],
        family=[Relative(**row) for row in family],
        candidates=[],
        candidates_in_all=0,
    )


def _explain_commit(
    connection: duckdb.DuckDBPyConnection, project_id: str, commit_sha: str, *, best: int | None, with_lines: bool
) -> CommitExplained:
    links = read_links(connection, "link.project_id = ? and link.commit_sha = ?", [project_id, commit_sha])
    return replace(
        read_commit(connection, project_id, commit_sha),
        candidates=explain_links(connection, links[:best], with_lines=with_lines),
        candidates_in_all=len(links),
    )


def _explain_session(
    connection: duckdb.DuckDBPyConnection,
    project_id: str,
    session_id: str,
    asked_for: str,
    *,
    best: int | None,
    with_lines: bool,
) -> SessionExplained:
    head, told = read_session(connection, session_id)
    links = read_links(connection, "link.session_id = ?", [session_id])
    links.sort(key=_most_confident_first)
    accepted = [link for link in links if link.is_accepted]
    others = [link for link in links if not link.is_accepted]
    return SessionExplained(
        project_id=project_id,
        session_id=session_id,
        asked_for=asked_for,
        **head,
        accepted=explain_links(connection, accepted[:best], with_lines=with_lines),
        accepted_in_all=len(accepted),
        near_misses=explain_links(connection, others[:best], with_lines=with_lines),
        near_misses_in_all=len(others),
        told=told,
    )


def _most_confident_first(link: Link) -> tuple[float, int, str]:
    return (-(link.confidence or 0.0), link.link_rank or 0, link.commit_sha)
