"""Labels by people: a CSV → the truth file `data/validation/<project>/<kind>.<set>.csv` → `raw.labels`.

A truth file holds every row of the given file with secrets replaced, but only the columns that are known, under their
own names. Rows that cannot be used stay in it: each landing reports them, with their line in the truth file.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ingest.database import opened
from ingest.errors import IngestError, Problem
from ingest.files import exclusive_lock, printable, write_atomically
from ingest.label_files import REQUIRED, STEP, LabelFile, read_label_file, write_label_file
from ingest.landing_labels import LABEL_LOCK, SET_NAME, label_path, land_labels
from ingest.landing_operations import land_operations, replace_problems
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_redactor
from ingest.registry import get_project
from ingest.runlog import new_run_id, now, step

UNDECIDED = "undecided"


@dataclass(frozen=True)
class ImportedLabels:
    """What an import did, or would do: rows read, labels in them (by label, and how many are sure), rows that say again
    what an earlier one said, columns that are not used.

    `path` is the truth file; `changed` says whether it is another than before. Problems name lines of the given file.
    """

    project_id: str
    kind: str
    label_set: str
    path: str
    rows: int
    labels: dict[str, int]
    sure: int
    repeated: int
    ignored_columns: list[str]
    redactions: int
    problems: list[Problem]
    changed: bool
    dry_run: bool


def import_labels(
    data: DataDir, project_id: str, *, kind: str, label_set: str, source: Path, dry_run: bool = False
) -> ImportedLabels:
    """Put the labels of `source` in the place of those of the same kind and set, and land them.

    Raises IngestError for an unknown project, kind or name, a file that cannot be read or holds no usable row, a
    locked database, and where another command is at work; the set is then as it was before. A dry run writes nothing.
    """
    if kind not in REQUIRED:
        raise IngestError(f"{kind!r} is no kind of label: give --kind {' or '.join(REQUIRED)}.")
    if not SET_NAME.fullmatch(label_set):
        raise IngestError(
            f"{printable(label_set)!r} cannot name a set of labels: use lower-case letters, digits, '-' and '_'."
        )
    get_project(data, project_id)
    read = _read(source, kind)
    path = label_path(data, project_id, kind, label_set)
    if dry_run:
        return _imported(project_id, kind, label_set, path, read, 0, changed=False, dry_run=True)
    with data_lock(data, "import-labels"), exclusive_lock(data.validation(project_id), LABEL_LOCK):
        get_project(data, project_id)
        redactor = load_redactor(data)
        run_id = new_run_id()
        redactions = _redact(read, redactor)
        content = write_label_file(read.rows)
        with opened(data) as connection:
            with step(data, run_id, STEP, project_id, redactor=redactor) as counts:
                changed = not path.exists() or path.read_bytes() != content
                if changed:
                    write_atomically(path, content)
                loaded_at = now()
                landed = land_labels(connection, data, project_id, run_id, loaded_at)
                replace_problems(connection, project_id, landed.problems, run_id, loaded_at, {}, step=STEP)
                counts.update(
                    rows=len(read.rows),
                    labels=len(read.labels),
                    problems=len(read.problems),
                    redactions=redactions,
                    bytes=len(content),
                )
            land_operations(connection, data, run_id)
    return _imported(project_id, kind, label_set, path, read, redactions, changed=changed, dry_run=False)


def _read(source: Path, kind: str) -> LabelFile:
    name = printable(str(source))
    try:
        content = source.read_bytes()
    except OSError as error:
        raise IngestError(f"{name} cannot be read ({error.strerror}): give the path of a CSV of labels.") from error
    read = read_label_file(content, kind, name)
    if not read.labels:
        first = f" (line {read.problems[0].line_number}: {read.problems[0].detail})" if read.problems else ""
        raise IngestError(f"{name} holds no usable label{first}: nothing was imported.")
    return read


def _redact(read: LabelFile, redactor: Redactor) -> int:
    """Replace secrets in every value, in place; returns in how many."""
    changed = 0
    for row in read.rows:
        for index, value in enumerate(row):
            clean = redactor.redact_text(value)
            changed += clean != value
            row[index] = clean
    return changed


def _imported(
    project_id: str,
    kind: str,
    label_set: str,
    path: Path,
    read: LabelFile,
    redactions: int,
    *,
    changed: bool,
    dry_run: bool,
) -> ImportedLabels:
    return ImportedLabels(
        project_id=project_id,
        kind=kind,
        label_set=label_set,
        path=str(path),
        rows=len(read.rows),
        labels=dict(sorted(Counter(label.label or UNDECIDED for label in read.labels).items())),
        sure=sum(label.is_sure for label in read.labels),
        repeated=read.repeated,
        ignored_columns=read.ignored_columns,
        redactions=redactions,
        problems=read.problems,
        changed=changed,
        dry_run=dry_run,
    )
