"""The archived sessions of one project of the other directory, into the archive of this one.

What ours holds already, in the same words or as the beginning of more, is not taken. Everything else becomes a file of
its own: `sessions/<directory>~merged/…` with the name that it has there, so that no source of this machine, nor a next
version of one, ever meets it. Of the files of a session the longest is the current one in the warehouse, the others are
versions of it. A merged file that has grown on the other machine is continued.

As in the archive, a manifest line is the commit point: a file counts once its line is written.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from ingest.archive_plan import META_SUFFIX, base_path
from ingest.errors import IngestError, Problem
from ingest.files import fsync_directory, safe_join
from ingest.manifest import Manifest, ManifestEntry
from ingest.merging.content import EQUAL, OURS_GOES_ON, THEIRS_GOES_ON, Compared, Reader, compare, copy
from ingest.merging.other import STEP, UnreadableError

MERGED = "~merged"
COMMIT_BYTES = 64 * 1024 * 1024
COMMIT_FILES = 500
TRANSCRIPT = "transcript"
MAXIMUM_NAME_BYTES = 230
SCRATCH = ".scratch"

Key = tuple[str, str, str]


@dataclass
class SessionsMerged:
    """What a merge took (or would): sessions are counted by the file that they are; files and bytes are those taken.

    `new`: sessions that were not here; `longer`: theirs is now the current one; `versions`: ours stays the current one,
    theirs holds what ours has not; `same`: nothing of theirs that is not here.
    """

    new: int = 0
    longer: int = 0
    versions: int = 0
    same: int = 0
    files: int = 0
    bytes: int = 0
    problems: list[Problem] = field(default_factory=list)


@dataclass
class _Taken:
    """A file of theirs that ours lacks, in whole or in part."""

    entry: ManifestEntry
    compared: Compared
    path: str = ""


@dataclass
class _Merge:
    reader: Reader
    raw: Path
    manifest: Manifest
    run_id: str
    dry_run: bool
    advance: Callable[[int], None]
    by_key: dict[Key, list[ManifestEntry]] = field(default_factory=lambda: defaultdict(list))
    by_path: dict[str, ManifestEntry] = field(default_factory=dict)
    uncommitted: list[ManifestEntry] = field(default_factory=list)
    uncommitted_bytes: int = 0
    written: list[Path] = field(default_factory=list)
    result: SessionsMerged = field(default_factory=SessionsMerged)


def merge_sessions(
    reader: Reader,
    theirs: Sequence[ManifestEntry],
    raw: Path,
    manifest: Manifest,
    run_id: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    dry_run: bool = False,
) -> SessionsMerged:
    """Take over what the archive in `raw` lacks. `manifest` is its open manifest; `progress` gets bytes done, and all.

    Raises IngestError where our own disk refuses; what was committed until then stays, and the same call goes on.
    """
    total, done = sum(entry.archived_bytes for entry in theirs), 0

    def advance(size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(done, total)

    merge = _Merge(reader, raw, manifest, run_id, dry_run, advance)
    for entry in manifest.entries.values():
        _remember(merge, entry)
    try:
        for group in _groups(theirs):
            _merge_group(merge, group)
            if len(merge.uncommitted) >= COMMIT_FILES or merge.uncommitted_bytes >= COMMIT_BYTES:
                _commit(merge)
        _commit(merge)
    except (IngestError, KeyboardInterrupt):
        _commit(merge)  # what is finished counts, whatever stopped the merge
        raise
    finally:
        if not dry_run:
            shutil.rmtree(raw / SCRATCH, ignore_errors=True)
    return merge.result


def _groups(entries: Iterable[ManifestEntry]) -> list[list[ManifestEntry]]:
    """A transcript with all of its versions and what describes it, which has to lie beside it; other files alone."""
    groups: dict[str, list[ManifestEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: (entry.version, entry.path)):
        base = base_path(entry)
        groups[base.removesuffix(META_SUFFIX).removesuffix(".jsonl")].append(entry)
    return [groups[name] for name in sorted(groups)]


def _key(entry: ManifestEntry) -> Key:
    """Files with the same key can be versions of one another."""
    name = "" if entry.kind == TRANSCRIPT else base_path(entry).rpartition("/")[2]
    return entry.kind, entry.session_id, name


def _remember(merge: _Merge, entry: ManifestEntry) -> None:
    old = merge.by_path.get(entry.path)
    known = merge.by_key[_key(entry)]
    if old in known:
        known.remove(old)
    known.append(entry)
    merge.by_path[entry.path] = entry


def _merge_group(merge: _Merge, group: Sequence[ManifestEntry]) -> None:
    compared: dict[str, Compared] = {}
    for entry in group:
        compared_entry = _compare(merge, entry)
        if compared_entry is not None:
            compared[entry.path] = compared_entry
        merge.advance(entry.archived_bytes)
    lacking = {path for path, item in compared.items() if not _is_known(item)}
    _count(merge, group, lacking, compared)
    taken: list[_Taken] = []
    for entry in group:
        # With a version come those that took its place, and with a transcript what describes it.
        follows = any(
            base_path(first) == base_path(entry) and first.version < entry.version
            for first in group
            if first.path in lacking
        )
        describes = entry.kind != TRANSCRIPT and any(e.kind == TRANSCRIPT and e.path in lacking for e in group)
        if entry.path in compared and (entry.path in lacking or describes or follows):
            taken.append(_Taken(entry, compared[entry.path]))
    if not taken:
        return
    _place(merge, taken, [_Taken(entry, compared.get(entry.path, Compared())) for entry in group])
    for item in taken:
        _take(merge, item)


def _compare(merge: _Merge, entry: ManifestEntry) -> Compared | None:
    """How a file of theirs relates to those of ours that it can be a version of; None where it cannot be used."""
    ours = merge.by_key.get(_key(entry), [])
    for other in ours:
        if (other.content_hash, other.archived_bytes) == (entry.content_hash, entry.archived_bytes):
            # The same bytes: there is no need to read them.
            return Compared({other.path: EQUAL}, entry.archived_bytes, entry.archived_lines, entry.content_hash)
    for where, files in (("there", [entry]), ("here", ours)):
        if any(_is_cold(file) for file in files):
            detail = f"restore its session {where}, then merge again"
            merge.result.problems.append(Problem(STEP, entry.path, f"file is in cold storage {where}", detail))
            return None
    try:
        return compare(merge.reader, entry, merge.raw, ours)
    except UnreadableError as error:
        merge.result.problems.append(error.problem(entry.path))
        return None


def _is_cold(entry: ManifestEntry) -> bool:
    """Whether a file was moved to `data/archived`: there is nothing below `raw` to compare it with, or to copy."""
    return entry.cold is not None


def _is_known(compared: Compared) -> bool:
    return any(relation in (EQUAL, OURS_GOES_ON) for relation in compared.relations.values())


def _count(merge: _Merge, group: Sequence[ManifestEntry], lacking: set[str], compared: dict[str, Compared]) -> None:
    transcripts = [entry for entry in group if entry.kind == TRANSCRIPT and entry.path in compared]
    if not transcripts:
        return
    ours = merge.by_key.get(_key(transcripts[0]), [])
    if not any(entry.path in lacking for entry in transcripts):
        merge.result.same += 1
    elif not ours:
        merge.result.new += 1
    elif compared[transcripts[-1].path].lines > max(entry.archived_lines for entry in ours):
        merge.result.longer += 1
    else:
        merge.result.versions += 1


def _place(merge: _Merge, taken: Sequence[_Taken], group: Sequence[_Taken]) -> None:
    """One directory for all of the group, in which nothing else stands under their names; that of last time, if any."""
    for number in count(1):
        paths = {_merged_path(item.entry.path, number): item for item in group}
        bases = {base_path(replace(item.entry, path=path)) for path, item in paths.items()}
        # A version of another machine's file, in the same chain, would pass for a version of this one.
        strangers = any(
            base_path(known) in bases and known.path not in paths
            for item in group
            for known in merge.by_key.get(_key(item.entry), [])
        )
        if not strangers and all(_fits(merge, item, path) for path, item in paths.items()):
            break
    for item in taken:
        item.path = _merged_path(item.entry.path, number)


def _merged_path(path: str, number: int) -> str:
    sessions, directory, rest = path.split("/", 2)
    if MERGED in directory:  # it came from a third machine
        directory = directory.rpartition(MERGED)[0] or directory
    if len(directory.encode()) > MAXIMUM_NAME_BYTES:
        directory = hashlib.sha256(directory.encode()).hexdigest()[:16]
    return f"{sessions}/{directory}{MERGED}{'' if number == 1 else number}/{rest}"


def _fits(merge: _Merge, item: _Taken, path: str) -> bool:
    old = merge.by_path.get(path)
    if old is None:
        return True
    if old.source:
        return False
    if path not in item.compared.relations:
        try:
            item.compared.relations |= compare(merge.reader, item.entry, merge.raw, [old]).relations
        except UnreadableError:
            return False
    # One that goes on beyond theirs came from elsewhere.
    return item.compared.relations[path] in (EQUAL, THEIRS_GOES_ON)


def _take(merge: _Merge, item: _Taken) -> None:
    """Copy the file to its place; what stands there already is the same or its beginning."""
    entry, old = item.entry, merge.by_path.get(item.path)
    if old is not None and item.compared.relations.get(item.path) == EQUAL:
        return
    measured = item.compared
    if not merge.dry_run:
        try:
            target = safe_join(merge.raw, item.path)
            measured = copy(merge.reader, entry, merge.raw / SCRATCH / "merge", target)
            merge.written.append(target)
        except UnreadableError as error:
            merge.result.problems.append(error.problem(entry.path))
            return
    merge.result.files += 1
    merge.result.bytes += measured.bytes - (old.archived_bytes if old else 0)
    merged = replace(
        entry,
        path=item.path,
        source="",
        source_size=0,
        source_mtime_ns=0,
        source_hash="",
        consumed_bytes=0,
        archived_bytes=measured.bytes,
        archived_lines=measured.lines,
        content_hash=measured.content_hash,
        pending_bytes=0,
        tail_taken=False,
        rules_version=merge.reader.redactor.rules_version,
        first_run_id=old.first_run_id if old else entry.first_run_id,
        last_run_id=merge.run_id,
    )
    _remember(merge, merged)
    if not merge.dry_run:
        merge.uncommitted.append(merged)
        merge.uncommitted_bytes += measured.bytes


def _commit(merge: _Merge) -> None:
    """Make the new names durable, then the entries."""
    for directory in dict.fromkeys(path.parent for path in merge.written):
        fsync_directory(directory)
    merge.manifest.append(merge.uncommitted)
    merge.written, merge.uncommitted, merge.uncommitted_bytes = [], [], 0
