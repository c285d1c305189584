"""Where cold storage keeps what."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ingest.database import literal
from ingest.errors import IngestError
from ingest.files import disk_errors, printable

SCRATCH = ".scratch"
JOURNAL = "unfinished.json"
UNKNOWN_MONTH = "unknown"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def lines_path(project_id: str, month: str, part_id: str) -> str:
    """The lines of a part, below `archived`."""
    return f"sessions/{partition(project_id, month)}/{checked_name(part_id)}.parquet"


def part_path(project_id: str, month: str, part_id: str) -> str:
    """What a part consists of, below `archived`."""
    return f"sessions/{partition(project_id, month)}/{checked_name(part_id)}.json"


def mart_path(mart: str, project_id: str, month: str, part_id: str) -> str:
    """The rows of a part in one mart, below `archived`."""
    return f"marts/{checked_name(mart)}/{partition(project_id, month)}/{checked_name(part_id)}.parquet"


def partition(project_id: str, month: str) -> str:
    """The directories that readers of Parquet understand as two columns."""
    return f"project_id={checked_name(project_id)}/month={checked_name(month)}"


def checked_name(name: str) -> str:
    """The name, if it can be that of a directory or file and nothing else. Raises IngestError."""
    if not _NAME.fullmatch(name):
        raise IngestError(f"{printable(name)!r} cannot be the name of a directory: correct what it is read from.")
    return name


def make_durable(path: Path) -> None:
    """Mode 0600 and on the disk: for files that a library has written. Raises IngestError."""
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o600)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sql_pattern(path: Path) -> str:
    """A path as a literal where SQL reads files: no character of it is a pattern of names."""
    return literal(re.sub(r"([*?\[])", r"[\1]", str(path)))
