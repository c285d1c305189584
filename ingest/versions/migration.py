"""`python -m ingest migrate`: an older database to the version of this program, or what that would be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.database import connect, opened_read_only, storage_errors
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.versions.database import StepDone, current_version, pending_steps, refuse_newer


@dataclass(frozen=True)
class Migration:
    """A database, its version (None: there is no file, or nothing in it), this program's, and the steps between."""

    database: Path
    version: int | None
    current_version: int
    steps: list[StepDone]
    dry_run: bool


def migrate(data: DataDir, *, dry_run: bool = False) -> Migration:
    """Run the steps that `data/ope.db` lacks, as every sync does; a dry run names them and writes nothing.

    Raises IngestError for a database that is locked, damaged or of a newer program, and where another command is at
    work. A step that fails leaves the version before it.
    """
    if not data.database.exists():
        return Migration(data.database, None, current_version(), [], dry_run)
    with opened_read_only(data.database) as connection:
        version = refuse_newer(connection, data.database)
    steps = [StepDone(step.version, step.name, 0) for step in pending_steps(version)]
    if not dry_run:
        with data_lock(data, "migrate"), storage_errors(data.database):
            done: list[StepDone] = []
            connect(data, done).close()
            steps = done
    return Migration(data.database, version, current_version(), steps, dry_run)
