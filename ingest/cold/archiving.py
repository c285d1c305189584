"""Sessions from the archive into cold storage: copy, verify, note, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest import __version__
from ingest.cold.journal import Move, begin, finish
from ingest.cold.lines import read_lines
from ingest.cold.marts import MartRows, chosen_roots, session_marts, write_marts
from ingest.cold.part import ParquetFile, Part, PartSession
from ingest.cold.places import UNKNOWN_MONTH, lines_path, mart_path
from ingest.cold.selection import LiveSession, cold_roots
from ingest.cold.writing import bytes_reported, store_lines, store_part, written_aside
from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.files import printable
from ingest.locks import data_lock
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.progress import Progress
from ingest.runlog import new_run_id, now, step


@dataclass
class Moved:
    """What one run moved: sessions, files, lines and bytes as they lay in the archive, and what the Parquet takes."""

    run_id: str
    sessions: int = 0
    files: int = 0
    lines: int = 0
    bytes: int = 0
    lines_parquet_bytes: int = 0
    mart_rows: int = 0
    marts_parquet_bytes: int = 0
    parts: list[str] = field(default_factory=list)


def archive_sessions(
    data: DataDir, sessions: Sequence[LiveSession], progress: Progress | None = None, *, step_name: str = "cold"
) -> Moved:
    """Move sessions (as `select_sessions` chose them) to cold storage, partition by partition.

    Raises IngestError where the disk refuses or something reads back differently: that partition is as it was then,
    those before it are moved. A killed run is finished by the next command that moves sessions, or by `sync`.
    """
    with data_lock(data, "archive"):
        finish(data)
        _refuse_changed(data, sessions)
        moved = Moved(new_run_id())
        for (project_id, month), group in partitions(sessions).items():
            with step(data, moved.run_id, step_name, project_id) as counts:
                total = sum(session.bytes for session in group)
                report = bytes_reported(progress, f"{project_id} {month}: to cold storage", total)
                part = _move(data, project_id, month, group, f"{moved.run_id}-{len(moved.parts) + 1:02}", report)
                counts.update(_count(moved, part))
        return moved


def _refuse_changed(data: DataDir, sessions: Sequence[LiveSession]) -> None:
    """They were chosen before the data directory was ours: another command may have been at work since."""
    manifests = {
        project_id: read_manifest(data.manifest(project_id)) for project_id in {s.project_id for s in sessions}
    }
    for session in sessions:
        for entry in session.entries:
            if manifests[session.project_id].get(entry.path) != entry:
                raise IngestError(
                    f"The session {printable(session.root_session_id)} has changed since it was chosen: nothing was "
                    "moved; run the same command again."
                )


def partitions(sessions: Iterable[LiveSession]) -> dict[tuple[str, str], list[LiveSession]]:
    """By project and month of the last record of its family, which has to move at once."""
    ended: dict[str, str] = {}
    sessions = list(sessions)
    for session in sessions:
        month = f"{session.ended_at:%Y-%m}" if session.ended_at else ""
        ended[session.family] = max(ended.get(session.family, ""), month)
    found: dict[tuple[str, str], list[LiveSession]] = {}
    for session in sorted(sessions, key=lambda one: (one.project_id, ended[one.family], one.root_session_id)):
        found.setdefault((session.project_id, ended[session.family] or UNKNOWN_MONTH), []).append(session)
    return found


def _move(
    data: DataDir,
    project_id: str,
    month: str,
    sessions: Sequence[LiveSession],
    part_id: str,
    progress: Callable[[int], None] | None,
) -> Part:
    entries = [entry for session in sessions for entry in session.entries]
    cold = tuple((entry.path, entry.content_hash, part_id) for entry in entries)
    with written_aside(data) as scratch:
        place = lines_path(project_id, month, part_id)
        lines = store_lines(scratch, place, entries, read_lines(data.raw(project_id), entries, progress))
        part = Part(
            part_id=part_id,
            project_id=project_id,
            month=month,
            made_at=f"{now():%Y-%m-%dT%H:%M:%SZ}",
            ope_version=__version__,
            lines=lines,
            marts=_store_marts(data, scratch, project_id, month, part_id, sessions),
            sessions=tuple(map(_described, sessions)),
            files=tuple(entries),
        )
        begin(data, Move(project_id, new=store_part(scratch, part), cold=cold, live=(), old=()))
        finish(data)
    return part


def _store_marts(
    data: DataDir, scratch: Path, project_id: str, month: str, part_id: str, sessions: Sequence[LiveSession]
) -> tuple[ParquetFile, ...]:
    # Of a session with copies in two archives the rows are stored once.
    roots = {session.root_session_id for session in sessions} - cold_roots(data, but_of=project_id)
    with opened_read_only(data.database) as connection, chosen_roots(connection, roots):
        sources = [
            MartRows(mart.name, f"main.{mart.name}", mart.root, None if mart.has_project else project_id)
            for mart in session_marts(connection)
        ]
        return tuple(
            write_marts(connection, scratch, sources, lambda mart, owner: mart_path(mart, owner, month, part_id))
        )


def _described(session: LiveSession) -> PartSession:
    return PartSession(
        root_session_id=session.root_session_id,
        family=session.family,
        ended_at=session.ended_at.isoformat() if session.ended_at else None,
        files=len(session.entries),
        lines=session.lines,
        bytes=session.bytes,
    )


def _count(moved: Moved, part: Part) -> dict[str, int]:
    """Add a part to what was moved; the counts of the part alone."""
    counts = {
        "sessions": len(part.sessions),
        "files": len(part.files),
        "lines": part.lines.rows,
        "bytes": sum(session.bytes for session in part.sessions),
        "lines_parquet_bytes": part.lines.bytes,
        "mart_rows": sum(mart.rows for mart in part.marts),
        "marts_parquet_bytes": sum(mart.bytes for mart in part.marts),
    }
    for name, count in counts.items():
        setattr(moved, name, getattr(moved, name) + count)
    moved.parts.append(part.part_id)
    return counts
