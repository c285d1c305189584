"""What the program did, as JSON lines: `data/logs/<stream>-<day>.jsonl`, one file per UTC day.

Streams: `application` (each command, its end, exit code and seconds), `pipeline` (each step of a run, its counts) and
`errors` (what failed in either). A log never makes a command fail and never makes a data directory; texts that may
quote session logs are redacted before they are written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click
import orjson

from ingest.errors import IngestError
from ingest.files import append_line, make_private_directory
from ingest.paths import PRODUCT_ROOT, DataDir

APPLICATION, PIPELINE, ERRORS = STREAMS = ("application", "pipeline", "errors")
TEXT_LENGTH = 500

# How a command ends that was not understood, was given up, or only showed its help.
_NO_FAILURES = (click.exceptions.Exit, click.Abort, click.UsageError)

# The command that this process carries out, for all lines that it writes.
_command: str | None = None
# Is told of each step that begins or ends, in a line: what --verbose prints.
_listener: Callable[[str], None] | None = None


def listen(listener: Callable[[str], None] | None) -> None:
    """Tell `listener` of each step that begins or ends; None: nobody."""
    global _listener
    _listener = listener


def write_log(
    data: DataDir,
    stream: str,
    event: str,
    *,
    level: str = "info",
    run_id: str | None = None,
    fields: dict[str, Any] | None = None,
) -> None:
    """Append one line to a stream. Does nothing where there is no data directory yet, or nothing can be written."""
    if _listener and stream == PIPELINE:
        _listener(_sentence(event, fields or {}))
    # A person's home or the program's own empty data/ is no data directory before something was registered.
    if data.logs.is_symlink() or not (data.registry.exists() or data.runs.is_dir()):
        return
    moment = datetime.now(timezone.utc)
    record = {
        "ts": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": level,
        "event": event,
        "run_id": run_id,
        "command": _command,
        **(fields or {}),
    }
    with suppress(OSError, orjson.JSONEncodeError):
        make_private_directory(data.logs)
        append_line(log_path(data, stream, f"{moment:%Y-%m-%d}"), orjson.dumps(record, default=str))


def _sentence(event: str, fields: dict[str, Any]) -> str:
    """`my-app: archive: ok, 1.2 s, new 3, grown 1`; counts that are 0 say nothing."""
    what = ": ".join(str(fields[key]) for key in ("project_id", "step") if fields.get(key))
    if event == "step started":
        return f"{what} …"
    counts = [f"{key} {value}" for key, value in (fields.get("counts") or {}).items() if value]
    if fields.get("bytes"):
        counts.append(f"bytes {fields['bytes']}")
    said = ", ".join([str(fields.get("status")), f"{fields.get('seconds')} s", *counts])
    return f"{what}: {said}"


def command_started(data: DataDir, command: str | None) -> None:
    """Remember the command's name and note its beginning. Its arguments are not noted: they may be private."""
    global _command
    _command = command
    write_log(data, APPLICATION, "command started", fields={"pid": os.getpid()})


@contextmanager
def command_logged() -> Iterator[None]:
    """Note the end of the command that began inside, with its exit code and seconds, and what made it fail."""
    global _command
    started = time.monotonic()
    code, failure = 0, None
    try:
        yield
    except BaseException as error:
        code = _exit_code(error)
        failure = error if isinstance(error, Exception) and not isinstance(error, _NO_FAILURES) else None
        raise
    finally:
        if _command:
            data = DataDir.from_environment()
            fields = {"exit_code": code, "seconds": round(time.monotonic() - started, 3)}
            level = "info" if code == 0 else ("error" if failure else "warning")
            write_log(data, APPLICATION, "command ended", level=level, fields=fields)
            if failure:
                log_failure(data, "command failed", failure)
        _command = None


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return 130
    code = getattr(error, "exit_code", getattr(error, "code", 1))
    return code if isinstance(code, int) else (0 if isinstance(error, SystemExit) and code is None else 1)


def log_path(data: DataDir, stream: str, day: str) -> Path:
    """The file of a stream and a day (`2026-11-21`)."""
    return data.logs / f"{stream}-{day}.jsonl"


def log_failure(
    data: DataDir, event: str, error: BaseException, *, run_id: str | None = None, fields: dict[str, Any] | None = None
) -> None:
    """Note a failure in `errors`: our own sentence, redacted; of a bug its type and place, as its text may quote."""
    if isinstance(error, IngestError):
        found = {"error": redacted(data, str(error))}
    else:
        found = {"error": type(error).__name__, "place": _place(error)}
    write_log(data, ERRORS, event, level="error", run_id=run_id, fields={**(fields or {}), **found})


def redacted(data: DataDir, text: str) -> str:
    """The text without secrets, cut to `TEXT_LENGTH`; nothing of it where the rules cannot be read."""
    # The rules take a moment to load, and are seldom needed.
    from ingest.redaction import KEY_BYTES, Redactor, load_or_create_key

    try:
        key = load_or_create_key(data.redaction_key) if data.redaction_key.exists() else os.urandom(KEY_BYTES)
        return Redactor.load(key).redact_text(text)[:TEXT_LENGTH]
    except (IngestError, OSError):
        return "(not written: it could not be redacted)"


def _place(error: BaseException) -> str | None:
    """`ingest/sync.py:120`: the innermost line of the program itself that an exception passed."""
    root = str(PRODUCT_ROOT / "ingest")
    own = [frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(root)]
    return f"ingest{own[-1].filename[len(root) :]}:{own[-1].lineno}" if own else None
