"""Which sessions can go to cold storage, and why the others stay.

A root session goes as a whole, with its subagents, sidecars and all versions. So does a family: sessions that share
copied records, of which each is counted once; one of them alone would be counted again without the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from ingest.below import hash_below
from ingest.cold.marts import session_marts
from ingest.cold.part import root_of
from ingest.database import opened_read_only
from ingest.manifest import ManifestEntry, read_manifest
from ingest.paths import DataDir
from ingest.registry import Project, load_projects

TRANSCRIPT = "transcript"
NOT_BUILT = "the marts do not have it as it is archived: run sync and dbt build first"
PENDING = "its last line is not complete yet"


@dataclass(frozen=True)
class LiveSession:
    """A root session in the archive of a project. `ended_at` is the time of its last record, UTC."""

    project_id: str
    root_session_id: str
    family: str
    ended_at: datetime | None
    entries: tuple[ManifestEntry, ...]

    @property
    def lines(self) -> int:
        return sum(entry.archived_lines for entry in self.entries)

    @property
    def bytes(self) -> int:
        return sum(entry.archived_bytes for entry in self.entries)


@dataclass(frozen=True)
class Kept:
    """A session that was wanted but stays, and why."""

    project_id: str
    root_session_id: str
    reason: str


@dataclass
class Selection:
    """`chosen` go, `kept` stay though they were wanted; `unknown` was asked for by id and is not in any archive."""

    chosen: list[LiveSession] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


@dataclass
class _Warehouse:
    """What the database knows: times and families by root session, hashes by (project, path), roots that are built."""

    ended_at: dict[str, datetime | None] = field(default_factory=dict)
    families: dict[str, str] = field(default_factory=dict)
    landed: dict[tuple[str, str], str] = field(default_factory=dict)
    copies: set[tuple[str, str]] = field(default_factory=set)  # (project, root session) with a landed file
    built: set[str] = field(default_factory=set)


def select_sessions(data: DataDir, projects: Sequence[Project], wanted: Callable[[LiveSession], bool]) -> Selection:
    """The sessions of `projects` that are wanted and can go. Reads the files of those that could, to know them whole.

    Raises IngestError where the database cannot be read.
    """
    warehouse = _read_warehouse(data)
    sessions = [session for project in projects for session in live_sessions(data, project.project_id, warehouse)]
    chosen = [session for session in sessions if wanted(session)]
    reasons = {_key(session): _obstacle(data, session, warehouse) for session in chosen}
    able = {key for key, reason in reasons.items() if reason is None}
    # A family stays where one of it does; so does a session of which another project has a copy that stays.
    members: dict[str, set[str]] = {}
    for root, family in warehouse.families.items():
        members.setdefault(family, set()).add(root)
    mine = {project.project_id for project in projects}
    staying = {root for project_id, root in warehouse.copies if project_id not in mine}
    staying |= {session.root_session_id for session in sessions if _key(session) not in able}
    going = {root for _, root in able} | cold_roots(data)
    result = Selection()
    for session in chosen:
        reason = reasons[_key(session)]
        relatives = members.get(session.family, set()) | {session.root_session_id}
        tied = sorted(root for root in relatives if root not in going or root in staying)
        if reason is None and tied:
            reason = f"it shares records with {tied[0]}, which stays: name both or neither"
        if reason is None:
            result.chosen.append(session)
        else:
            result.kept.append(Kept(session.project_id, session.root_session_id, reason))
    return result


def select_named(
    data: DataDir, projects: Sequence[Project], session_ids: Sequence[str], before: datetime | None
) -> Selection:
    """The sessions with these ids (all of them where there is none) that ended before a moment, where one is given."""
    roots = {session_id.split("/", 1)[0] for session_id in session_ids}

    def is_wanted(session: LiveSession) -> bool:
        if roots and session.root_session_id not in roots:
            return False
        return before is None or (session.ended_at is not None and session.ended_at < before)

    selection = select_sessions(data, projects, is_wanted)
    known = {s.root_session_id for project in projects for s in live_sessions(data, project.project_id)}
    selection.unknown = sorted(roots - known)
    return selection


def live_sessions(data: DataDir, project_id: str, warehouse: _Warehouse | None = None) -> list[LiveSession]:
    """The root sessions of a project's archive that are not cold, in order."""
    known = warehouse or _Warehouse()
    groups: dict[str, list[ManifestEntry]] = {}
    for entry in read_manifest(data.manifest(project_id)).values():
        if entry.cold is None:
            groups.setdefault(root_of(entry), []).append(entry)
    return [
        LiveSession(
            project_id=project_id,
            root_session_id=root,
            family=known.families.get(root, root),
            ended_at=known.ended_at.get(root),
            entries=tuple(sorted(entries, key=lambda entry: (entry.path, entry.version))),
        )
        for root, entries in sorted(groups.items())
    ]


def _key(session: LiveSession) -> tuple[str, str]:
    return session.project_id, session.root_session_id


def _obstacle(data: DataDir, session: LiveSession, warehouse: _Warehouse) -> str | None:
    """Why a session cannot go, None where it can. The damage of its files is looked for last: that reads them."""
    transcripts = [entry for entry in session.entries if entry.kind == TRANSCRIPT]
    landed = all(warehouse.landed.get((session.project_id, entry.path)) == entry.content_hash for entry in transcripts)
    if not (transcripts and landed and session.root_session_id in warehouse.built):
        return NOT_BUILT
    if any(entry.pending_bytes for entry in session.entries):
        return PENDING
    for entry in session.entries:
        if hash_below(data.raw(session.project_id), entry.path) != (entry.archived_bytes, entry.content_hash):
            return f"its archive is damaged ({entry.path} is not what its manifest says): restore that from a backup"
    return None


def cold_roots(data: DataDir, but_of: str | None = None) -> set[str]:
    """Root sessions of the registered projects, or of all but one, with a file in cold storage."""
    return {
        root_of(entry)
        for project in load_projects(data)
        if project.project_id != but_of
        for entry in read_manifest(data.manifest(project.project_id)).values()
        if entry.cold is not None
    }


def _read_warehouse(data: DataDir) -> _Warehouse:
    known = _Warehouse()
    with opened_read_only(data.database) as connection:
        try:
            rows = connection.execute(
                "select project_id, path, content_hash, split_part(session_id, '/', 1) from raw.session_files"
            ).fetchall()
            known.landed = {(project_id, path): content_hash for project_id, path, content_hash, _ in rows}
            known.copies = {(project_id, root) for project_id, _, _, root in rows}
            rows = connection.execute(
                "select root_session_id, max(sent_at) from staging.stg_claude_code__records group by 1"
            ).fetchall()
            known.ended_at = dict(rows)
            pairs = connection.execute(
                "select distinct root_session_id, owner_root_session_id from intermediate.int_records__owners"
            ).fetchall()
            known.families = families(pairs)
            known.built = _built(connection)
        except duckdb.CatalogException:
            pass  # nothing was built yet: no session can go
    return known


def _built(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Root sessions whose marts were all built after their last landing."""
    names = [mart.name for mart in session_marts(connection)]
    rows = connection.execute(
        """
        with built as (
            select max(started_at) as built_at
            from audit.dbt_results
            where node_type = 'model' and status = 'success' and node_name in (select unnest($marts))
            group by node_name
        ),
        landed as (
            select split_part(session_id, '/', 1) as root_session_id, max(loaded_at) as loaded_at
            from raw.session_files
            group by 1
        )
        select landed.root_session_id
        from landed
        where
            landed.root_session_id in (select root_session_id from main.sessions)
            and landed.loaded_at <= (select min(built_at) from built)
            and (select count(*) from built) = len($marts)
        """,
        {"marts": names},
    ).fetchall()
    return {row[0] for row in rows}


def families(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Root session → the smallest id of all that it is tied to by shared records, directly or through others."""
    parent: dict[str, str] = {}

    def head(root: str) -> str:
        parent.setdefault(root, root)
        while parent[root] != root:
            parent[root] = root = parent[parent[root]]
        return root

    for one, other in pairs:
        first, second = sorted((head(one), head(other)))
        parent[second] = first
    return {root: head(root) for root in parent}
