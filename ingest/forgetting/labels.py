"""Labels of forgotten sessions: rows of the truth files, found by the session, or by a message that only it has."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from ingest.below import open_below
from ingest.cold.part import root_of
from ingest.errors import IngestError
from ingest.files import exclusive_lock, printable, write_atomically
from ingest.forgetting.names import Names
from ingest.forgetting.targets import archives, entries_of
from ingest.landing_labels import LABEL_LOCK
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir

READ_BYTES = 1 << 24
_UUID = re.compile(rb'"uuid"\s*:\s*"([^"\\]{1,200})"')
UUID_COLUMNS = ("message_uuid", "uuid")


def labelled_messages(data: DataDir) -> set[str]:
    """Every message that a row of a truth file is about."""
    found: set[str] = set()
    for path in label_files(data):
        for header, row in rows_of(path):
            found |= {cell for name, cell in zip(header, row, strict=False) if name in UUID_COLUMNS and cell}
    return found


def own_messages(data: DataDir, roots: Collection[str], wanted: Collection[str]) -> set[str]:
    """Those of `wanted` that the archived files of `roots` hold, and no other file of any archive."""
    mine: set[str] = set()
    others: set[str] = set()
    if wanted:
        for project_id in archives(data):
            for entry in entries_of(data, project_id):
                if entry.kind == "transcript" and entry.cold is None:
                    (mine if root_of(entry) in roots else others).update(_uuids(data, project_id, entry) & set(wanted))
    return mine - others


def forget_labels(data: DataDir, names: Names, subjects: Collection[str], *, dry_run: bool = False) -> dict[Path, int]:
    """Take the rows out that are about a session or one of the messages `subjects`; how many of which file.

    A file of which no row is left is deleted. Raises IngestError where the disk refuses.
    """
    changed: dict[Path, int] = {}
    for path in label_files(data):
        if path.parent.name == names.project_id:
            continue  # goes as a whole
        rows = list(_all_rows(path))
        kept = rows[:1] + [row for row in rows[1:] if not _is_about(row, names, subjects)]
        if len(kept) == len(rows):
            continue
        changed[path] = len(rows) - len(kept)
        if dry_run:
            continue
        with exclusive_lock(path.parent, LABEL_LOCK):
            if len(kept) > 1:
                output = io.StringIO(newline="")
                csv.writer(output, lineterminator="\n").writerows(kept)
                write_atomically(path, output.getvalue().encode("utf-8", "surrogateescape"))
            else:
                path.unlink(missing_ok=True)
    return changed


def label_files(data: DataDir) -> list[Path]:
    """Every truth file, of every project."""
    *_, validation = data.places_of_projects
    return sorted(path for path in validation.glob("*/*.csv") if not path.is_symlink())


def rows_of(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """The header in lower case and a row, for each row of a truth file."""
    rows = _all_rows(path)
    header = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
    for row in rows:
        yield header, [cell.strip() for cell in row]


def _all_rows(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape").replace("\0", "\ufffd")
    except OSError as error:
        raise IngestError(f"{printable(str(path))} cannot be read: {error.strerror}.") from error
    try:
        yield from csv.reader(io.StringIO(text, newline=""))
    except csv.Error as error:
        raise IngestError(f"{printable(str(path))} is no CSV ({error}): correct it and run the same again.") from error


def _is_about(row: Iterable[str], names: Names, subjects: Collection[str]) -> bool:
    return any(cell.strip() in subjects or names.ids_are_in(cell) for cell in row)


def _uuids(data: DataDir, project_id: str, entry: ManifestEntry) -> set[str]:
    """The `uuid`s in an archived file; none where it cannot be read."""
    found: set[bytes] = set()
    try:
        descriptor, _ = open_below(data.raw(project_id), entry.path)
    except OSError:
        return set()
    with os.fdopen(descriptor, "rb") as file:
        rest = b""
        while block := file.read(READ_BYTES):
            found.update(_UUID.findall(rest + block))
            rest = block[-512:]
    return {uuid.decode("utf-8", "replace") for uuid in found}
