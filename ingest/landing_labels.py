"""`data/validation/<project>/<kind>.<set>.csv` → `raw.labels`, set by set, where its labels have changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa

from ingest.database import transaction
from ingest.errors import IngestError, Problem
from ingest.files import printable
from ingest.label_files import REQUIRED, STEP, Label, read_label_file
from ingest.landing_rows import insert, table_of
from ingest.paths import DataDir

FOLDER = "validation"
# What a command holds while it writes truth files; held on the project's directory of them.
LABEL_LOCK = "the labels"
SET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")

LABEL_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("label_kind", pa.string()),
        ("label_set", pa.string()),
        ("session_id", pa.string()),
        ("commit_sha", pa.string()),
        ("message_uuid", pa.string()),
        ("label", pa.string()),
        ("is_sure", pa.bool_()),
        ("labelled_by", pa.string()),
        ("labelled_at", pa.timestamp("us")),
        ("note", pa.string()),
    ]
)


@dataclass
class LandedLabels:
    """Labels written (of sets that changed), and what is wrong in any of the project's files."""

    labels: int = 0
    problems: list[Problem] = field(default_factory=list)


def land_labels(
    connection: duckdb.DuckDBPyConnection, data: DataDir, project_id: str, run_id: str, loaded_at: datetime
) -> LandedLabels:
    """Bring the project's rows of `raw.labels` up to date; a set whose file is gone goes too.

    A file that cannot be read as a whole is a problem, and what was landed from it stays.
    """
    landed = LandedLabels()
    known = dict(
        connection.execute(
            "select path, content_hash from raw.landed_files where project_id = ? and starts_with(path, ?)",
            [project_id, f"{FOLDER}/"],
        ).fetchall()
    )
    directory = data.validation(project_id)
    for file in sorted(directory.glob("[!.]*.csv")) if directory.is_dir() else []:
        path = f"{FOLDER}/{printable(file.name)}"
        before = known.pop(path, None)
        kind, _, label_set = file.name.removesuffix(".csv").partition(".")
        if kind not in REQUIRED or not SET_NAME.fullmatch(label_set):
            detail = f"its name must be <kind>.<set>.csv, the kind one of {', '.join(REQUIRED)}"
            landed.problems.append(Problem(STEP, path, "not a file of labels", detail))
            continue
        try:
            content = file.read_bytes()
            read = read_label_file(content, kind, path)
        except (OSError, IngestError) as error:
            detail = str(error.strerror if isinstance(error, OSError) else error)
            landed.problems.append(Problem(STEP, path, "labels cannot be read", detail))
            continue
        landed.problems.extend(read.problems)
        content_hash = _hash(read.labels)
        if before != content_hash:
            with transaction(connection):
                _delete(connection, project_id, path)
                rows = [(project_id, kind, label_set, *_cells(label)) for label in read.labels]
                insert(connection, "labels", table_of(rows, LABEL_SCHEMA), run_id, loaded_at)
                connection.execute(
                    "insert into raw.landed_files by name select ? as project_id, ? as path, ? as bytes, "
                    "? as content_hash, ? as run_id, ? as loaded_at",
                    [project_id, path, len(content), content_hash, run_id, loaded_at],
                )
            landed.labels += len(read.labels)
    for path in sorted(known):
        with transaction(connection):
            _delete(connection, project_id, path)
    return landed


def label_path(data: DataDir, project_id: str, kind: str, label_set: str) -> Path:
    """Where the truth file of a set stands."""
    return data.validation(project_id) / f"{kind}.{label_set}.csv"


def _cells(label: Label) -> Iterable[object]:
    return (
        label.session_id,
        label.commit_sha,
        label.message_uuid,
        label.label,
        label.is_sure,
        label.labelled_by,
        label.labelled_at,
        label.note,
    )


def _hash(labels: list[Label]) -> str:
    """SHA-256 of what is landed: another rule of reading lands an unchanged file again."""
    return hashlib.sha256(orjson.dumps([astuple(label) for label in labels])).hexdigest()


def _delete(connection: duckdb.DuckDBPyConnection, project_id: str, path: str) -> None:
    kind, _, label_set = Path(path).name.removesuffix(".csv").partition(".")
    connection.execute(
        "delete from raw.labels where project_id = ? and label_kind = ? and label_set = ?",
        [project_id, kind, label_set],
    )
    connection.execute("delete from raw.landed_files where project_id = ? and path = ?", [project_id, path])
