"""Projects that are registered but left out, and the note beside their archive that says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import printable, write_atomically
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.redaction import load_redactor
from ingest.registry import EXCLUDED, get_project, set_status, without_credentials
from ingest.runlog import now


@dataclass(frozen=True)
class Exclusion:
    """The project as it is now, and the file with the reason. `changed`: its status was another before."""

    project_id: str
    status: str
    notes_path: str
    changed: bool


def exclude_project(data: DataDir, project_id: str, reason: str) -> Exclusion:
    """Leave a project out from the next sync on, and append the reason and the day to its NOTES.md.

    Its archive stays, its rows leave schema `raw` with the next sync. A project that is excluded already gets another
    note. Raises IngestError for an unknown project, an empty reason, and where another command is at work.
    """
    with data_lock(data, "exclude-project"):
        project = get_project(data, project_id)
        text = load_redactor(data).redact_text(printable(without_credentials(reason))).strip()
        if not text:
            raise IngestError(f"Say why {project_id!r} is excluded: give --reason TEXT.")
        # The note first: a project must never be excluded without one.
        path = _append(data, project_id, project.name, f"## Excluded on {now():%Y-%m-%d}\n\n{text}\n")
        set_status(data, project_id, EXCLUDED)
    return Exclusion(project_id, EXCLUDED, str(path), project.status != EXCLUDED)


def include_project(data: DataDir, project_id: str) -> Exclusion:
    """Take an excluded project in again: the next sync reads it anew, from its archive and its sources.

    A project that is not excluded is left as it is. Raises IngestError as `exclude_project`.
    """
    with data_lock(data, "exclude-project"):
        project = get_project(data, project_id)
        if project.status != EXCLUDED:
            return Exclusion(project_id, project.status, str(data.notes(project_id)), changed=False)
        path = _append(data, project_id, project.name, f"## Included again on {now():%Y-%m-%d}\n")
        status = set_status(data, project_id, "pending_processing").status
    return Exclusion(project_id, status, str(path), changed=True)


def _append(data: DataDir, project_id: str, name: str, section: str) -> Path:
    """Append to NOTES.md; what stands in it, whoever wrote it, is kept byte for byte."""
    path = data.notes(project_id)
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = f"# Notes on {name}\n".encode()
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): put that right and try again.") from error
    gap = b"" if not before or before.endswith(b"\n\n") else (b"\n" if before.endswith(b"\n") else b"\n\n")
    # Where it is a link, the file that it leads to is the person's: it is written, not replaced by another.
    write_atomically(path.resolve(), before + gap + section.encode("utf-8"))
    return path
