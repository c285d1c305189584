"""Archived files that no longer fit their manifest: nothing that is still there is given up."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

from ingest.agents.claude_code import AGENT, list_files
from ingest.archive_plan import SESSIONS, insert_suffix
from ingest.errors import Problem
from ingest.files import disk_errors, open_private, safe_join
from ingest.manifest import Manifest, ManifestEntry

STEP = "archive"
SHORT = "archived file is missing or shorter than its manifest says"
RECOVERED = "manifest entry was lost, recovered from the archived file"
SALVAGED = "source vanished or was rewritten while it was copied; what had arrived is kept"
TAIL_LOST = "source vanished or was rewritten before its last line was complete"

_VERSION = re.compile(r"\.v([2-9]|[1-9][0-9]+)$")
_BLOCK = 4 * 1024 * 1024


def check_untouched(
    raw: Path, entry: ManifestEntry, *, is_gone: bool, run_id: str
) -> tuple[ManifestEntry, Problem | None]:
    """The entry as it should be now, for an archived file without a source to continue from, and what is wrong with it.

    A longer file holds lines that were copied but not committed and exist nowhere else now: they are taken in.
    A shorter one is reported on every run; its entry keeps the right numbers, for the day it is restored.
    """
    path = safe_join(raw, entry.path)
    try:
        size = path.lstat().st_size
    except OSError:
        size = -1
    if size < entry.archived_bytes:
        detail = "missing" if size < 0 else f"{size} of {entry.archived_bytes} bytes are there"
        return replace(entry, problem=SHORT), Problem(STEP, entry.path, SHORT, f"{detail}; restore it from a backup")
    problem = None if entry.problem == SHORT else entry.problem
    if size == entry.archived_bytes:
        if entry.pending_bytes and is_gone:
            lost = replace(entry, pending_bytes=0, problem=TAIL_LOST)
            return lost, Problem(STEP, entry.path, TAIL_LOST, detail_of(lost))
        return replace(entry, problem=problem), None
    measured = _measure(path, is_text=not entry.path.endswith(".jsonl"))
    salvaged = replace(
        entry,
        archived_bytes=measured[0],
        archived_lines=measured[1],
        content_hash=measured[2],
        consumed_bytes=0,
        source_hash="",
        pending_bytes=0,
        tail_taken=False,
        last_run_id=run_id,
        problem=SALVAGED,
    )
    return salvaged, Problem(
        STEP, entry.path, SALVAGED, f"{measured[0] - entry.archived_bytes} bytes more than committed"
    )


def detail_of(entry: ManifestEntry) -> str:
    """What there is to say of an entry's problem, on the night when it was found and on every later one."""
    return f"{entry.source_size - entry.consumed_bytes} bytes were not archived" if entry.problem == TAIL_LOST else ""


def recover_unlisted(raw: Path, manifest: Manifest, run_id: str) -> tuple[list[ManifestEntry], list[Problem]]:
    """Entries for archived files that a damaged or lost manifest does not name.

    They have no source: the next copy of the same source begins a new version beside them.
    """
    detail = f"{manifest.damaged} lines are not readable" if manifest.damaged else "the file was missing"
    problems = [Problem(STEP, manifest.path.name, "manifest damaged", detail)]
    found: list[ManifestEntry] = []
    try:
        directories = sorted(item.name for item in os.scandir(raw / SESSIONS) if item.is_dir(follow_symlinks=False))
    except OSError:
        directories = []
    for name in directories:
        files, more = list_files(raw / SESSIONS / name)
        problems += [replace(item, path=f"{SESSIONS}/{name}/{item.path}") for item in more]
        paths = {f"{SESSIONS}/{name}/{file.relative_path}" for file in files} | manifest.entries.keys()
        for file in files:
            path = f"{SESSIONS}/{name}/{file.relative_path}"
            if path in manifest.entries:
                continue
            session_id, version = file.session_id, 1
            match = _VERSION.search(session_id)
            if match and any(insert_suffix(base, match[0]) == path for base in paths if base != path):
                session_id, version = session_id[: match.start()], int(match[1])
            size, lines, content_hash = _measure(file.path, is_text=not path.endswith(".jsonl"))
            found.append(
                ManifestEntry(
                    path=path,
                    kind=file.kind,
                    agent=AGENT,
                    source="",
                    session_id=session_id,
                    parent_session_id=file.parent_session_id,
                    version=version,
                    source_size=0,
                    source_mtime_ns=0,
                    source_hash="",
                    consumed_bytes=0,
                    archived_bytes=size,
                    archived_lines=lines,
                    content_hash=content_hash,
                    pending_bytes=0,
                    tail_taken=False,
                    rules_version="",
                    first_run_id=run_id,
                    last_run_id=run_id,
                    problem=RECOVERED,
                )
            )
            problems.append(Problem(STEP, path, RECOVERED, f"{size} bytes, {lines} lines"))
    return found, problems


def _measure(path: Path, *, is_text: bool) -> tuple[int, int, str]:
    """Bytes, lines and SHA-256 of an archived file; of JSON lines a half-written last one is cut off first."""
    with disk_errors(path):
        descriptor = open_private(path)
        try:
            size = os.fstat(descriptor).st_size
            end, block = size, b""
            while not is_text and end:
                length = min(_BLOCK, end)
                block = os.pread(descriptor, length, end - length)
                newline = block.rfind(b"\n")
                if newline >= 0:
                    end = end - length + newline + 1
                    break
                end -= length
            if end != size:
                os.ftruncate(descriptor, end)
            digest, lines, offset, last = hashlib.sha256(), 0, 0, b"\n"
            while offset < end and (block := os.pread(descriptor, min(_BLOCK, end - offset), offset)):
                digest.update(block)
                lines += block.count(b"\n")
                offset += len(block)
                last = block[-1:]
            return end, lines + (last != b"\n"), digest.hexdigest()
        finally:
            os.close(descriptor)
