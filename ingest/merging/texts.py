"""What is written in lines: labels, the run log, notes. The lines of both, each once, redacted by our rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import orjson

from ingest.errors import IngestError, Problem
from ingest.files import exclusive_lock, write_atomically
from ingest.forgetting.tombstones import Tombstones, read_tombstones
from ingest.label_files import COLUMNS, REQUIRED, read_label_file, write_label_file
from ingest.landing_labels import LABEL_LOCK, SET_NAME, label_path
from ingest.landing_operations import utc
from ingest.merging.other import STEP, Other, UnreadableError
from ingest.paths import DataDir
from ingest.redaction import Redactor
from ingest.registry import load_projects

_RUN_FILE = re.compile(r"\d{4}-\d\d\.jsonl")
_NAMES = list(COLUMNS)
_SUBJECT = [_NAMES.index(name) for name in ("session_id", "commit_sha", "message_uuid")]
_SAID = [_NAMES.index(name) for name in ("label", "is_sure")]
_WHEN = _NAMES.index("labelled_at")

Row = list[str]


@dataclass
class TextsMerged:
    """Lines that were taken, or would be; `replaced` of them took the place of an older one of ours."""

    lines: int = 0
    replaced: int = 0
    problems: list[Problem] = field(default_factory=list)


def merge_labels(
    data: DataDir, project_id: str, other: Other, their_id: str, redactor: Redactor, *, dry_run: bool = False
) -> TextsMerged:
    """The truth files of both, set by set. Of two labels on one subject the newer counts; without times, ours."""
    merged = TextsMerged()
    try:
        names = [name for name in other.names("validation", their_id) if name.endswith(".csv") and name[0] != "."]
    except UnreadableError as error:
        merged.problems.append(error.problem("validation"))
        return merged
    stones = read_tombstones(data)
    for name in names:
        kind, _, label_set = name.removesuffix(".csv").partition(".")
        path = f"validation/{name}"
        if kind not in REQUIRED or not SET_NAME.fullmatch(label_set):
            merged.problems.append(Problem(STEP, path, "not a file of labels", "its name must be <kind>.<set>.csv"))
            continue
        try:
            content = other.read("validation", their_id, name)
            theirs = read_label_file(content or b"", kind, path).rows
            target = label_path(data, project_id, kind, label_set)
            ours = read_label_file(target.read_bytes(), kind, path).rows if target.exists() else []
        except UnreadableError as error:
            merged.problems.append(error.problem(path))
            continue
        except (IngestError, OSError) as error:
            merged.problems.append(Problem(STEP, path, "labels cannot be read", str(error)[:200]))
            continue
        taken = [[redactor.redact_text(cell) for cell in row] for row in theirs if not _is_forgotten(row, stones)]
        rows = _united([list(row) for row in ours], taken, merged)
        if rows != ours and not dry_run:
            with exclusive_lock(data.validation(project_id), LABEL_LOCK):
                write_atomically(target, write_label_file(rows))
    return merged


def _united(ours: list[Row], theirs: list[Row], merged: TextsMerged) -> list[Row]:
    by_subject = {subject: index for index, row in enumerate(ours) if (subject := _subject(row))}
    known = {tuple(row) for row in ours}
    for row in theirs:
        subject = _subject(row)
        index = by_subject.get(subject) if subject else None
        if tuple(row) in known:
            continue
        if index is None:
            ours.append(row)
            known.add(tuple(row))
            if subject:
                by_subject[subject] = len(ours) - 1
            merged.lines += 1
        elif _moment(row) > _moment(ours[index]) and [row[i] for i in _SAID] != [ours[index][i] for i in _SAID]:
            ours[index] = row
            merged.lines += 1
            merged.replaced += 1
    return ours


def _subject(row: Row) -> tuple[str, ...] | None:
    """What a row is about; None for one that cannot be used."""
    return tuple(row[index] for index in _SUBJECT) if len(row) == len(_NAMES) else None


def _is_forgotten(row: Row, stones: Tombstones) -> bool:
    """Is it about a session that was forgotten here, or a message whose label was?"""
    subject = _subject(row)
    return subject is not None and (stones.has_session(subject[0]) or stones.has_message(subject[2]))


def _moment(row: Row) -> str:
    try:
        return utc(row[_WHEN]).isoformat() if row[_WHEN] else ""
    except (ValueError, OverflowError):
        return ""


def merge_runs(data: DataDir, other: Other, redactor: Redactor, *, dry_run: bool = False) -> TextsMerged:
    """The run logs of both, month by month: lines that ours lacks are added at the end."""
    merged = TextsMerged()
    try:
        names = [name for name in other.names("runs") if _RUN_FILE.fullmatch(name)]
    except UnreadableError as error:
        merged.problems.append(error.problem("runs"))
        return merged
    stones = read_tombstones(data)
    registered = {project.project_id for project in load_projects(data)}
    theirs = {project.project_id for project in other.projects}
    gone = {name for name in theirs - registered if stones.has_project(name)}
    for name in names:
        try:
            content = other.read("runs", name) or b""
        except UnreadableError as error:
            merged.problems.append(error.problem(f"runs/{name}"))
            continue
        target = data.runs / name
        before = target.read_bytes() if target.exists() else b""
        known = set(before.split(b"\n"))
        whole = redactor.redact_jsonl(stones.clean_lines(content[: content.rfind(b"\n") + 1]))[0]
        added = [line for line in dict.fromkeys(whole.split(b"\n")) if line and line not in known]
        added = [line for line in added if not gone or _project_of(line) not in gone]
        merged.lines += len(added)
        if added and not dry_run:
            gap = b"" if not before or before.endswith(b"\n") else b"\n"
            write_atomically(target, before + gap + b"".join(line + b"\n" for line in added))
    return merged


def _project_of(line: bytes) -> str | None:
    try:
        return str(orjson.loads(line)["project_id"])
    except (ValueError, KeyError, TypeError):
        return None


def merge_notes(
    data: DataDir, project_id: str, other: Other, their_id: str, redactor: Redactor, *, dry_run: bool = False
) -> TextsMerged:
    """NOTES.md of both: sections of theirs that ours lacks are added at the end."""
    merged = TextsMerged()
    try:
        content = other.read("raw", their_id, "NOTES.md")
    except UnreadableError as error:
        merged.problems.append(error.problem("NOTES.md"))
        return merged
    if not content:
        return merged
    theirs = redactor.redact_text(read_tombstones(data).without_ids(content.decode("utf-8", "replace")))
    target = data.notes(project_id)
    before = target.read_bytes().decode("utf-8", "surrogateescape") if target.exists() else ""
    known = {section.strip() for section in _sections(before)}
    # A heading alone, such as the title, says nothing.
    added = [section for section in _sections(theirs) if "\n" in section.strip() and section.strip() not in known]
    merged.lines = sum(section.strip().count("\n") + 1 for section in added)
    if added and not dry_run:
        gap = "" if not before or before.endswith("\n\n") else ("\n" if before.endswith("\n") else "\n\n")
        text = before + gap + "\n".join(section.strip() + "\n" for section in added)
        write_atomically(target.resolve(), text.encode("utf-8", "surrogateescape"))
    return merged


def _sections(text: str) -> list[str]:
    """The text cut before each heading."""
    return re.split(r"(?m)^(?=#{1,6} )", text)
