"""What ran, when, and how it went: one JSON line per step in `data/runs/<yyyy-mm>.jsonl`.

These files are the truth; `raw.ingest_runs` is loaded from them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import orjson

from ingest.errors import IngestError
from ingest.files import append_line, make_private_directory
from ingest.operations.logs import PIPELINE, log_failure, write_log
from ingest.paths import DataDir
from ingest.redaction import Redactor

ERROR_LENGTH = 500


def now() -> datetime:
    """The present instant in UTC, without a zone (as every timestamp in schema `raw`)."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def new_run_id() -> str:
    """An id that sorts by time and is unique: `20261120T123456Z-ab12cd`."""
    return f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


@contextmanager
def step(
    data: DataDir,
    run_id: str,
    step_name: str,
    project_id: str | None = None,
    *,
    redactor: Redactor | None = None,
) -> Iterator[dict[str, Any]]:
    """Record one step of a run.

    Yields a dict to fill with counts (`bytes` becomes a field of its own). At the end one line is appended, with
    status `ok` or `failed` and the error's text; whatever was raised goes on. Raises IngestError when the line cannot
    be written.
    """
    started_at = now()
    counts: dict[str, Any] = {}
    what = {"step": step_name, "project_id": project_id}
    write_log(data, PIPELINE, "step started", run_id=run_id, fields=what)
    try:
        yield counts
    except BaseException as error:
        record = _record(run_id, step_name, project_id, started_at, counts, _error_text(error, redactor))
        try:
            _append(data, record)
        except OSError:
            pass  # the step's own failure (often the same full disk) is what the user has to see
        write_log(data, PIPELINE, "step ended", level="error", run_id=run_id, fields=_ended(what, record))
        log_failure(data, "step failed", error, run_id=run_id, fields=what)
        raise
    record = _record(run_id, step_name, project_id, started_at, counts, None)
    write_log(data, PIPELINE, "step ended", run_id=run_id, fields=_ended(what, record))
    try:
        _append(data, record)
    except OSError as error:
        raise IngestError(
            f"The run log {data.runs} cannot be written ({error.strerror}): make room or change its permissions."
        ) from error


def _record(
    run_id: str,
    step_name: str,
    project_id: str | None,
    started_at: datetime,
    counts: dict[str, Any],
    error: str | None,
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "step": step_name,
        "project_id": project_id,
        "started_at": started_at.isoformat(timespec="microseconds"),
        "ended_at": now().isoformat(timespec="microseconds"),
        "status": "ok" if error is None else "failed",
        "counts": {key: value for key, value in counts.items() if key != "bytes"},
        "bytes": counts.get("bytes"),
        "error": error,
    }


def _ended(what: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """What the log says of a step that ended; why it failed stands in the log of errors."""
    started_at, ended_at = (datetime.fromisoformat(record[key]) for key in ("started_at", "ended_at"))
    seconds = round((ended_at - started_at).total_seconds(), 3)
    return {
        **what,
        "status": record["status"],
        "seconds": seconds,
        "counts": record["counts"],
        "bytes": record["bytes"],
    }


def _error_text(error: BaseException, redactor: Redactor | None) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    # Our own sentences need no name; the text of any other exception may quote the input.
    text = str(error) if isinstance(error, IngestError) else f"{type(error).__name__}: {error}"
    if redactor is not None:
        return redactor.redact_text(text)[:ERROR_LENGTH]
    return text[:ERROR_LENGTH] if isinstance(error, IngestError) else type(error).__name__


def _append(data: DataDir, record: dict[str, Any]) -> None:
    make_private_directory(data.runs)
    append_line(data.runs / f"{record['started_at'][:7]}.jsonl", orjson.dumps(record, default=str))
