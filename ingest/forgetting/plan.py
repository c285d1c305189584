"""What a forgetting would take, place by place, and what it cannot reach. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from ingest.care.backup_manifest import read_backups
from ingest.care.backup_target import existing_target
from ingest.cold.part import root_of, stored_files
from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.files import printable
from ingest.forgetting.archive import sessions_to_bring_back, unlisted
from ingest.forgetting.built import forget_built, forget_published
from ingest.forgetting.forget import looked_up
from ingest.forgetting.journal import Forgetting
from ingest.forgetting.labels import forget_labels
from ingest.forgetting.targets import Target, archives, entries_of, source_files
from ingest.forgetting.texts import forget_in_logs, forget_in_notes, forget_links_in_doubt, outputs_to_delete
from ingest.forgetting.tombstones import SESSION
from ingest.landing_rows import count_rows
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from ingest.terminal import many

DELETED, REWRITTEN, RETURNS = "deleted", "rewritten", "comes back"
SHOWN_RELATIVES = 5


@dataclass(frozen=True)
class Place:
    """Where something of it stands: `count` of `unit` in `where`, with `bytes` where these are files."""

    where: str
    count: int
    unit: str
    bytes: int
    fate: str


@dataclass
class Plan:
    """`places` is what goes, `stays` what cannot be reached or is another's, a sentence each with what to do.

    `counts` is what the run log will say.
    """

    target: Target
    places: list[Place] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        counts = {"sessions": self.target.sessions, "projects": int(self.target.project_id is not None)}
        for place in self.places:
            if place.fate != RETURNS:
                unit = place.unit.replace(" ", "_")
                counts[unit] = counts.get(unit, 0) + place.count
        return counts | {"bytes": sum(place.bytes for place in self.places if place.fate == DELETED)}


def plan_forgetting(data: DataDir, target: Target) -> Plan:
    """Look at every place. Raises IngestError where something cannot be read."""
    plan = Plan(target)
    begun = Forgetting("", target.kind, target.name, target.roots, {})
    forgetting, snapshots, plan.stays = looked_up(data, begun)
    _plan_archive(data, plan, forgetting)
    _plan_texts(data, plan, forgetting)
    _plan_tables(data, plan, forgetting)
    for version, rows in snapshots.items():
        _add(plan, data, data.archived / version, rows, "rows", 0, DELETED)
    _plan_rest(data, plan, forgetting)
    return plan


def _plan_archive(data: DataDir, plan: Plan, forgetting: Forgetting) -> None:
    roots = set(forgetting.roots)
    for project_id in archives(data):
        is_whole = project_id == forgetting.project_id
        entries = [entry for entry in entries_of(data, project_id) if is_whole or root_of(entry) in roots]
        live = [entry for entry in entries if entry.cold is None]
        raw = data.raw(project_id)
        if is_whole:
            for top in data.project_places(project_id):
                paths = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
                _add(plan, data, top, len(paths), "files", _bytes(paths), DELETED)
            stored = [data.archived / path for path in stored_files(data, project_id)]
            _add(plan, data, data.archived, len(stored), "files", _bytes(stored), DELETED)
            continue
        paths = {entry.path for entry in live} | set(unlisted(raw, roots))
        _add(plan, data, raw / "sessions", len(paths), "files", _bytes(raw / path for path in paths), DELETED)
        _add(plan, data, data.manifest(project_id), len(entries), "manifest entries", 0, REWRITTEN)
        cold = [entry for entry in entries if entry.cold is not None]
        _add(plan, data, data.archived / "sessions", len(cold), "files", _archived(cold), REWRITTEN)
    _plan_cold(data, plan, forgetting)


def _plan_cold(data: DataDir, plan: Plan, forgetting: Forgetting) -> None:
    roots = set(forgetting.roots)
    back = [
        one
        for one in sessions_to_bring_back(data, forgetting)
        if one.session.root_session_id not in roots and one.project_id != forgetting.project_id
    ]
    size = sum(one.session.bytes for one in back)
    _add(plan, data, data.archived / "sessions", len(back), "sessions that share records", size, RETURNS)


def _plan_texts(data: DataDir, plan: Plan, forgetting: Forgetting) -> None:
    names = forgetting.names
    for path, rows in forget_labels(data, names, forgetting.subjects or (), dry_run=True).items():
        _add(plan, data, path, rows, "labels", 0, REWRITTEN)
    lines = forget_links_in_doubt(data, names, dry_run=True)
    _add(plan, data, data.low_confidence, lines, "links in doubt", 0, REWRITTEN)
    for path, lines in forget_in_logs(data, names, dry_run=True).items():
        _add(plan, data, path, lines, "lines of logs", 0, REWRITTEN)
    for path in forget_in_notes(data, names, dry_run=True):
        _add(plan, data, path, 1, "notes", 0, REWRITTEN)
    outputs = outputs_to_delete(data, names)
    _add(plan, data, data.outputs, len(outputs), "files", _bytes(outputs), DELETED)
    for relative in forgetting.others or ():
        path = data.root / relative
        files = [path] if path.is_file() else [below for below in path.rglob("*") if below.is_file()]
        _add(plan, data, path, len(files), "files", _bytes(files), DELETED)


def _plan_tables(data: DataDir, plan: Plan, forgetting: Forgetting) -> None:
    for name, count in _raw_rows(data, forgetting).items():
        _add(plan, data, data.database, count, "rows", 0, DELETED, table=f"raw.{name}")
    built = forget_built(data, forgetting, dry_run=True)
    _add(plan, data, data.database, sum(built.rows.values()), "rows", 0, DELETED, table="what dbt built")
    tables = len(built.tables)
    _add(plan, data, data.database, tables, "tables", 0, DELETED, table="totals and quotes, until `dbt build`")
    published = forget_published(data, forgetting, dry_run=True)
    _add(plan, data, data.published, sum(published.values()), "rows", 0, DELETED)


def _raw_rows(data: DataDir, forgetting: Forgetting) -> dict[str, int]:
    if not data.database.exists():
        return {}
    with opened_read_only(data.database) as connection:
        if forgetting.project_id is not None:
            return {name: count for name, count in count_rows(connection, forgetting.project_id).items() if count}
        try:
            files = connection.execute(
                "select file_id from raw.session_files where split_part(session_id, '/', 1) = ?", [forgetting.name]
            ).fetchall()
            ids = [row[0] for row in files]
            counts = {"session_files": len(ids)}
            for table in ("session_lines", "redactions", "parse_errors"):
                query = f"select count(*) from raw.{table} where list_contains(?, file_id)"
                counts[table] = connection.execute(query, [ids]).fetchall()[0][0]
        except duckdb.CatalogException:
            return {}
    return {name: count for name, count in counts.items() if count}


def _plan_rest(data: DataDir, plan: Plan, forgetting: Forgetting) -> None:
    sources = source_files(data, set(forgetting.roots))
    if sources:
        first = printable(str(sources[0]))
        rest = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        plan.stays.append(f"The agent's own files stay: delete {first}{rest} yourself. `sync` passes them over.")
    if plan.target.kind == SESSION:
        plan.stays += _told_by_the_warehouse(data, forgetting.name)
    try:
        kept = [backup.name for backup in read_backups(existing_target(data))]
    except (IngestError, OSError):
        kept = []
    if kept:
        plan.stays.append(
            f"{many(len(kept), 'backup')} may hold it, the newest {kept[-1]}: make a new one, look at it with `backup "
            "verify`, then delete the directories of the older ones. What `backup restore` brings back goes again."
        )
    if (data.root / ".git").exists():
        plan.stays.append(_git_advice(data, plan.target))
    plan.stays.append(
        "Copies elsewhere are out of reach: shared exports, other machines (run the same there; `merge-data` takes "
        "nothing of it over), and the blocks of the disk itself, until something else is written there."
    )


def _told_by_the_warehouse(data: DataDir, root: str) -> Iterable[str]:
    if not data.database.exists():
        return
    with opened_read_only(data.database) as connection:
        relatives = _rows(
            connection,
            "select other.root_session_id, count(*) from intermediate.int_records__owners as mine "
            "inner join intermediate.int_records__owners as other on mine.key_kind = other.key_kind "
            "and mine.record_key = other.record_key and mine.root_session_id != other.root_session_id "
            "where mine.root_session_id = $root and mine.key_kind = 'record' group by all order by 2 desc, 1",
            root,
        )
        commits = _rows(connection, "select count(*) from raw.commits where contains(message, $root)", root)
        lines = _rows(
            connection,
            "select count(*), count(distinct split_part(files.session_id, '/', 1)) from raw.session_lines as lines "
            "inner join raw.session_files as files on lines.file_id = files.file_id "
            "where contains(lines.line, $root) and split_part(files.session_id, '/', 1) != $root",
            root,
        )
    for session_id, count in relatives[:SHOWN_RELATIVES]:
        yield (
            f"{count} of its records stand in session {printable(str(session_id))} too, a copy or continuation: there "
            "they stay, and count for that one from the next `dbt build` on. Forget it too if they are to go."
        )
    if len(relatives) > SHOWN_RELATIVES:
        yield f"{len(relatives) - SHOWN_RELATIVES} more sessions hold copies of its records."
    if lines and lines[0][0]:
        yield f"Lines of other sessions that name its id: {lines[0][0]}. They are theirs and stay."
    if commits and commits[0][0]:
        yield f"Commits that name its id in their message: {commits[0][0]}. They stay, linked to no session."


def _rows(connection: duckdb.DuckDBPyConnection, query: str, root: str) -> list[tuple[object, ...]]:
    try:
        return connection.execute(query, {"root": root}).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # not built yet, or by an earlier version


def _git_advice(data: DataDir, target: Target) -> str:
    what = f"raw/{target.name}" if target.project_id else f"*{target.name}*"
    option = "--path" if target.project_id else "--path-glob"
    return (
        "The history of the data directory's own repository keeps it: commit what is deleted (`git add --update`, `git "
        f"commit`), then in a fresh clone `git filter-repo --invert-paths {option} '{what}'`, force-push, have every "
        f"clone made anew, and put its .git in the place of {printable(str(data.root / '.git'))}."
    )


def _add(
    plan: Plan, data: DataDir, path: Path, count: int, unit: str, size: int, fate: str, *, table: str | None = None
) -> None:
    root = data.root if path.is_relative_to(data.root) else data.root.resolve()
    where = printable(path.relative_to(root).as_posix())
    if count:
        plan.places.append(Place(f"{where}: {table}" if table else where, count, unit, size, fate))


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.lstat().st_size for path in paths if path.exists())


def _archived(entries: Iterable[ManifestEntry]) -> int:
    return sum(entry.archived_bytes for entry in entries)
