"""What the program and people wrote beside the sessions: links in doubt, the run log, logs, outputs, notes, consent."""

from __future__ import annotations

import fcntl
import gzip
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from ingest.cold.changelog import CHANGELOG
from ingest.errors import IngestError
from ingest.files import disk_errors, open_regular, printable, write_atomically
from ingest.forgetting.names import Names
from ingest.forgetting.tombstones import FORGOTTEN
from ingest.operations.run_records import run_files
from ingest.paths import DataDir
from ingest.privacy.consent import read_consent, write_consent

GZIP = ".gz"
# What a night leaves in outputs/ to read: it counts, and quotes nothing but sentences.
KEPT_OUTPUT = "metadata.json"

# A line of JSON as it is to be, None where it goes.
Renew = Callable[[dict[str, Any]], dict[str, Any] | None]


def forget_links_in_doubt(data: DataDir, names: Names, *, dry_run: bool = False) -> int:
    """Take the lines out of low_confidence.jsonl that are about it; how many."""

    def renew(record: dict[str, Any]) -> dict[str, Any] | None:
        is_gone = record.get("project_id") == names.project_id if names.project_id else False
        return None if is_gone or names.ids_are_in(orjson.dumps(record).decode()) else record

    return _renew_lines(data.low_confidence, renew, dry_run=dry_run)


def forget_in_logs(data: DataDir, names: Names, *, dry_run: bool = False) -> dict[Path, int]:
    """Replace what names it in the run log and the logs, packed ones too; how many lines of which file."""
    paths = [*run_files(data), *_regular(data.logs)]
    changed = {path: _renew_lines(path, names.cleaned, dry_run=dry_run) for path in paths}
    return {path: count for path, count in changed.items() if count}


def forget_in_notes(data: DataDir, names: Names, *, dry_run: bool = False) -> list[Path]:
    """Replace the ids in what people wrote: NOTES.md of any project, and CHANGELOG.md; which files."""
    changed = []
    raw, *_ = data.places_of_projects
    for path in [*sorted(raw.glob("*/NOTES.md")), data.root / CHANGELOG]:
        if path.parent.name == names.project_id:
            continue
        with suppress(FileNotFoundError):
            text = path.read_bytes().decode("utf-8", "surrogateescape")
            new = names.without_ids(text)
            if new != text:
                changed.append(path)
                if not dry_run:
                    write_atomically(path.resolve(), new.encode("utf-8", "surrogateescape"))
    return changed


def forget_consent(data: DataDir, project_id: str) -> None:
    """Replace a project's id in the decisions: what was allowed for it alone stays allowed for nothing else."""
    consent = read_consent(data)
    if any(project_id in decision.projects for decision in consent.history):
        renamed = tuple(
            replace(one, projects=tuple(FORGOTTEN if name == project_id else name for name in one.projects))
            for one in consent.history
        )
        write_consent(data, replace(consent, history=renamed))


def outputs_to_delete(data: DataDir, names: Names) -> list[Path]:
    """What lies in outputs/ and was made of the marts, so that nobody can tell what of it is about whom.

    All of it can be made again. What nights say of themselves stays, unless it names what goes.
    """
    found = []
    for path in _regular(data.outputs):
        is_kept = path.name == KEPT_OUTPUT and path.parent.name.startswith("run_")
        if not is_kept or names.are_in(path.read_bytes().decode("utf-8", "replace")):
            found.append(path)
    return found


def delete_all(paths: list[Path], top: Path) -> None:
    """Delete files and directories, and the directories below `top` that they leave empty."""
    for path in paths:
        with disk_errors(path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        for above in path.parents:
            if above == top or top not in above.parents:
                break
            try:
                above.rmdir()
            except OSError:
                break  # not empty


def _regular(directory: Path) -> Iterator[Path]:
    """Regular files at any depth, without following a link."""
    if directory.is_symlink() or not directory.is_dir():
        return
    for above, directories, names in os.walk(directory):
        directories.sort()
        for name in sorted(names):
            path = Path(above, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _renew_lines(path: Path, renew: Renew, *, dry_run: bool) -> int:
    """Change a file of JSON lines in one step; how many lines. What is no JSON is replaced where it is not clean."""
    try:
        descriptor, _ = open_regular(path)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise IngestError(f"{printable(str(path))} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as stream:
        if not dry_run:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(stream, fcntl.LOCK_EX)  # whoever appends waits, and then sees that it was replaced
        content = stream.read()
        try:
            old = gzip.decompress(content) if path.suffix == GZIP else content
        except (OSError, EOFError, zlib.error) as error:
            raise IngestError(f"{printable(str(path))} is damaged: delete it and try again.") from error
        lines, changed = [], 0
        for line in old.splitlines(keepends=True):
            new = _renewed(line, renew)
            changed += new != line
            lines.append(new)
        if changed and not dry_run:
            new_content = b"".join(lines)
            write_atomically(path, gzip.compress(new_content, mtime=0) if path.suffix == GZIP else new_content)
    return changed


def _renewed(line: bytes, renew: Renew) -> bytes:
    if not line.strip():
        return line
    try:
        record = orjson.loads(line)
    except ValueError:
        record = {"error": line.decode("utf-8", "replace")}
        return line if renew(record) == record else b""
    if not isinstance(record, dict):
        return line
    new = renew(record)
    if new is None:
        return b""
    return line if new == record else orjson.dumps(new) + b"\n"
