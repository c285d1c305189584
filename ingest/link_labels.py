"""Labels of pairs of a session and a commit: the truth files of kind `session_commit`, and who writes them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import exclusive_lock, printable, write_atomically
from ingest.label_files import COLUMNS, LabelFile, read_label_file, write_label_file
from ingest.landing_labels import LABEL_LOCK, label_path
from ingest.paths import DataDir
from ingest.redaction import load_redactor
from ingest.terminal import visible

KIND = "session_commit"
YES, NO, UNDECIDED = "linked", "not_linked", "unclear"

SessionCommit = tuple[str, str]  # session_id, commit_sha


def labelled_pairs(data: DataDir, project_id: str, label_set: str | None = None) -> dict[SessionCommit, str]:
    """The label of each pair in the project's truth files; an undecided one counts in `label_set` only.

    Raises IngestError where the file of that set cannot be read; of others, the landing tells.
    """
    own = None if label_set is None else label_path(data, project_id, KIND, label_set)
    found: dict[SessionCommit, str] = {}
    for path in sorted(data.validation(project_id).glob(f"{KIND}.*.csv")):
        try:
            read = _read(path)
        except IngestError:
            if path == own:
                raise
            continue
        for label in read.labels:
            if label.session_id and label.commit_sha and (label.label or path == own):
                found[label.session_id, label.commit_sha] = label.label or UNDECIDED
    return found


@contextmanager
def labels_held(data: DataDir, project_id: str) -> Iterator[None]:
    """Keep other commands from writing the project's labels; an IngestError where one does."""
    with exclusive_lock(data.validation(project_id), LABEL_LOCK):
        yield


def put_labels(path: Path, labels: Sequence[Mapping[str, str]]) -> None:
    """Write labels, by column, into a truth file, each in the place of what it says of the same pair.

    Rows that cannot be used stay. Raises IngestError where the file cannot be read or the disk refuses.
    """
    rows = _read(path).rows if path.exists() else []
    for values in labels:
        pair = (values["session_id"], values["commit_sha"])
        rows = [row for row in rows if _pair_of(row) != pair]
        rows.append([values.get(column, "") for column in COLUMNS])
    write_atomically(path, write_label_file(rows))


def labeller(data: DataDir, given: str | None) -> str:
    """Who labels: the given name, else git's user.name; without secrets. Raises IngestError where there is neither."""
    name = given
    if name is None:
        try:
            done = subprocess.run(["git", "config", "user.name"], capture_output=True, check=False)
            name = done.stdout.decode("utf-8", "replace")
        except OSError:
            name = ""
    name = visible(name, 100)
    if not name:
        raise IngestError("Nobody knows who labels: give your name with --by, or set git's user.name.")
    return load_redactor(data).redact_text(printable(name))


def _read(path: Path) -> LabelFile:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IngestError(f"{path} cannot be read ({error.strerror}): change its permissions.") from error
    return read_label_file(content, KIND, str(path))


def _pair_of(row: Sequence[str]) -> SessionCommit | None:
    """The pair of a row of a truth file; None for a row that cannot be used."""
    if len(row) != len(COLUMNS):
        return None
    values = dict(zip(COLUMNS, row, strict=True))
    return (values["session_id"], values["commit_sha"].lower())
