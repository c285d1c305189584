"""What a CSV of labels says: its columns under any of their known names, its rows, and what is wrong with them.

A label is about a message (kind `reaction`) or about a session and a commit (kind `session_commit`). The words that a
label may be stand in `label_words.csv`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from ingest.errors import IngestError, Problem
from ingest.landing_operations import utc
from ingest.paths import PRODUCT_ROOT

STEP = "labels"
WORDS_PATH = PRODUCT_ROOT / "ingest" / "label_words.csv"

# Column of a truth file → the names under which it is accepted.
COLUMNS = {
    "session_id": ("session_id",),
    "commit_sha": ("commit_sha", "sha"),
    "message_uuid": ("message_uuid", "uuid"),
    "label": ("label",),
    "is_sure": ("is_sure", "sure", "agreed", "gold"),
    "labelled_by": ("labelled_by", "reader"),
    "labelled_at": ("labelled_at",),
    "note": ("note",),
}
# What else is worth keeping goes into the note, as `name=value`.
NOTED = ("kind", "label_a", "label_b")
REQUIRED = {"reaction": ("message_uuid", "label"), "session_commit": ("session_id", "commit_sha")}
# What a row says whose file has no column `label`.
IMPLIED_LABEL = {"session_commit": "linked"}
FLAGS = {"1": True, "true": True, "yes": True, "": True, "0": False, "false": False, "no": False}
DETAIL_LENGTH = 80

# What is said about a row: reason, detail.
Complain = Callable[[str, str], None]

_ID = re.compile(r"[^\s\x00-\x1f]{1,200}")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Label:
    """A row of `raw.labels` but for its project, kind, set, run and time of landing. No `label`: nobody is sure."""

    session_id: str | None
    commit_sha: str | None
    message_uuid: str | None
    label: str | None
    is_sure: bool
    labelled_by: str | None
    labelled_at: datetime | None
    note: str | None


@dataclass
class LabelFile:
    """What was read: the labels, the rows of a truth file, the columns that are not used, the problems.

    A row with too many cells or too few is one cell in `rows`, so that it stays unusable. `repeated` counts rows about
    what an earlier row is about.
    """

    labels: list[Label] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    ignored_columns: list[str] = field(default_factory=list)
    repeated: int = 0
    problems: list[Problem] = field(default_factory=list)


@cache
def label_words(kind: str) -> Mapping[str, str]:
    """The words that are accepted as a label of this kind, and the label each stands for (empty: undecided)."""
    with WORDS_PATH.open(encoding="utf-8", newline="") as file:
        return {row["word"]: row["label"] for row in csv.DictReader(file) if row["label_kind"] == kind}


def read_label_file(content: bytes, kind: str, path: str) -> LabelFile:
    """Read a CSV with a header. `path` is the name under which problems are reported.

    Raises IngestError, with line and column, for a file that is no such CSV as a whole. A row that cannot be used, or
    that contradicts an earlier one, is a problem and no label.
    """
    rows = _rows(_text(content, path), path)
    header = next(rows, None)
    if header is None:
        raise IngestError(f"{path} is empty: its first line must name the columns {_wanted(kind)}.")
    if isinstance(header, Problem):
        raise IngestError(f"{path}, line {header.line_number}: {header.detail}; correct the header.")
    known, noted, ignored = _columns(header[1], kind, path)
    read = LabelFile(ignored_columns=ignored)
    seen: dict[tuple[str | None, ...], Label] = {}
    for row in rows:
        if isinstance(row, Problem):
            read.problems.append(row)
            read.rows.append([row.detail])
            continue
        line_number, cells = row
        if not any(cell.strip() for cell in cells):
            continue
        cells = [cell.strip() for cell in cells]

        def complain(reason: str, detail: str, line: int = line_number) -> None:
            read.problems.append(Problem(STEP, path, reason, detail[: 2 * DETAIL_LENGTH], line))

        if len(cells) != len(header[1]):
            complain("malformed label", f"{len(cells)} cells, the header has {len(header[1])}")
            read.rows.append([" ".join(cells)])
            continue
        values = {column: cells[index] for column, index in known.items()}
        notes = [values.get("note", ""), *(f"{name}={cells[index]}" for name, index in noted if cells[index])]
        values["note"] = "; ".join(note for note in notes if note)
        if "label" not in known:
            values["label"] = IMPLIED_LABEL.get(kind, "")
        read.rows.append([values.get(column, "") for column in COLUMNS])
        label = _label(values, kind, complain)
        if label is None:
            continue
        subject = (label.session_id, label.commit_sha, label.message_uuid)
        if subject in seen:
            read.repeated += 1
            if (seen[subject].label, seen[subject].is_sure) != (label.label, label.is_sure):
                complain("labels contradict each other", "label: the first one is kept")
            continue
        seen[subject] = label
        read.labels.append(label)
    return read


def is_id(text: str) -> bool:
    """Whether a label can name it: no blank, no control character, not too long."""
    return _ID.fullmatch(text) is not None


def write_label_file(rows: list[list[str]]) -> bytes:
    """The CSV of a truth file, from its rows."""
    output = io.StringIO(newline="")
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return output.getvalue().encode("utf-8", "replace")


def _text(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IngestError(f"{path}, line {line}: this is not UTF-8; save the file as UTF-8 and try again.") from error


def _rows(text: str, path: str) -> Iterator[tuple[int, list[str]] | Problem]:
    """Each row with the number of its first line; what the CSV reader cannot take is a problem."""
    reader = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""), strict=True)
    while True:
        line_number = reader.line_num + 1
        try:
            yield line_number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Problem(STEP, path, "malformed label", f"no CSV: {error}", line_number)


def _columns(header: list[str], kind: str, path: str) -> tuple[dict[str, int], list[tuple[str, int]], list[str]]:
    """Where each known column stands, where those for the note stand, and the names of all others."""
    names = [name.strip().lower() for name in header]
    spellings = {name: column for column, accepted in COLUMNS.items() for name in accepted}
    known: dict[str, int] = {}
    ignored = []
    for index, name in enumerate(names):
        column = spellings.get(name)
        if column in known:
            raise IngestError(f"{path}, line 1: {name!r} and {names[known[column]]!r} are the same column; remove one.")
        if column:
            known[column] = index
        elif name not in NOTED:
            ignored.append(name)
    missing = [column for column in REQUIRED[kind] if column not in known]
    if missing:
        raise IngestError(
            f"{path}, line 1: column {' and '.join(missing)} is missing; labels of kind {kind} need {_wanted(kind)}."
        )
    return known, [(name, index) for index, name in enumerate(names) if name in NOTED], ignored


def _wanted(kind: str) -> str:
    return " and ".join("/".join(COLUMNS[column]) for column in REQUIRED[kind])


def _label(values: dict[str, str], kind: str, complain: Complain) -> Label | None:
    for column in ("session_id", "message_uuid"):
        if values.get(column) and not _ID.fullmatch(values[column]):
            complain("malformed label", f"{column}: no id: {values[column][:DETAIL_LENGTH]}")
            return None
    sha = values.get("commit_sha", "").lower()
    if sha and not _SHA.fullmatch(sha):
        complain("malformed label", f"commit_sha: 40 or 64 hex digits are expected: {sha[:DETAIL_LENGTH]}")
        return None
    empty = [column for column in REQUIRED[kind] if column != "label" and not values.get(column)]
    if empty:
        complain("malformed label", f"{empty[0]}: is empty")
        return None
    word = values.get("label", "").lower()
    words = label_words(kind)
    if word and word not in words:
        complain("unknown label", f"label: {word[:DETAIL_LENGTH]}; expected is {', '.join(words)}")
        return None
    flag = values.get("is_sure", "").lower()
    if flag not in FLAGS:
        complain("malformed label", f"is_sure: 1 or 0 is expected: {flag[:DETAIL_LENGTH]}")
        return None
    label = words[word] if word else ""
    return Label(
        session_id=values.get("session_id") or None,
        commit_sha=sha or None,
        message_uuid=values.get("message_uuid") or None,
        label=label or None,
        is_sure=bool(label) and FLAGS[flag],
        labelled_by=values.get("labelled_by") or None,
        labelled_at=_moment(values.get("labelled_at", ""), complain),
        note=values.get("note") or None,
    )


def _moment(text: str, complain: Complain) -> datetime | None:
    if not text:
        return None
    try:
        return utc(text)
    except (ValueError, OverflowError):
        complain("unreadable time", f"labelled_at: left out: {text[:DETAIL_LENGTH]}")
        return None
