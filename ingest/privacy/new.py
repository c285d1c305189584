"""What a run brought or wrote, and nothing else, looked at once more by the engine: on the disk, as it lies there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson

from ingest.errors import IngestError
from ingest.files import printable, safe_join
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.privacy.check import Checked, check_paths
from ingest.redaction import Redactor
from ingest.registry import load_projects
from ingest.terminal import many

SHOWN = 3
REDACTED_REPORT = (
    "This night's own report held what looks like a secret, which is replaced there: run `python -m ingest redact "
    "--check`."
)


def check_new(
    data: DataDir, run_id: str, started_at: datetime, redactor: Redactor, further: Sequence[Path] = ()
) -> Checked:
    """Run the engine over the files that run `run_id` archived, histories written since `started_at` (UTC, no zone),
    its outputs, and the files `further` that are there. Raises IngestError where a manifest cannot be read."""
    try:
        paths = _new_paths(data, run_id, started_at)
    except OSError as error:
        where = printable(str(error.filename or data.root))
        raise IngestError(
            f"The redaction check could not read {where} ({error.strerror}): change its permissions and run it again."
        ) from error
    paths += [path for path in further if path.is_file()]
    return check_paths(paths, redactor, below=data.root)


def _new_paths(data: DataDir, run_id: str, started_at: datetime) -> list[Path]:
    paths = [data.outputs / path.name for path in data.outputs.glob(f"run_{run_id}_*")]
    since = started_at.replace(tzinfo=timezone.utc).timestamp()
    for project in load_projects(data):
        raw = data.raw(project.project_id)
        entries = read_manifest(data.manifest(project.project_id)).values()
        paths += [safe_join(raw, e.path) for e in entries if e.last_run_id == run_id and e.cold is None]
        history = data.git_metadata(project.project_id)
        if history.exists() and history.stat().st_mtime >= since:
            paths.append(history)
    return paths


def sentences(checked: Checked) -> list[str]:
    """What a person has to know of a check of new files; nothing where all is well."""
    said = []
    if checked.hits:
        places = [hit.place for hit in checked.hits]
        more = f" and {many(len(places) - SHOWN, 'place')} more" if len(places) > SHOWN else ""
        said.append(
            f"The redaction rules find {many(checked.findings, 'secret')} in what this run wrote: "
            f"{'; '.join(places[:SHOWN])}{more}. Revoke what is real, then run `python -m ingest redact --rewrite` "
            "before anything of it is shared or committed."
        )
    said += [f"The redaction check could not read {item.path}: {item.reason}." for item in checked.unread[:SHOWN]]
    if len(checked.unread) > SHOWN:
        more = many(len(checked.unread) - SHOWN, "file")
        said.append(f"The redaction check could not read {more} more: `python -m ingest redact --check` names them.")
    return said


def clean_document(document: dict[str, Any], redactor: Redactor) -> tuple[dict[str, Any], bool]:
    """A document for JSON without secrets, and whether there was one in it."""
    redacted, findings = redactor.redact_jsonl(orjson.dumps(document, default=str) + b"\n")
    return (orjson.loads(redacted), True) if findings else (document, False)
