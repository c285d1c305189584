"""What the archive has to know of cold storage: sources that went on, and a manifest that forgot."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ingest.archive_copy import PrefixChangedError, SourceError, Start, prefix_hash
from ingest.archive_plan import Work
from ingest.below import exists_below
from ingest.cold.part import read_parts, root_of
from ingest.files import open_regular
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir


def is_as_archived(entry: ManifestEntry, state: os.stat_result) -> bool:
    """Has the source the size and time that the entry says?"""
    return (state.st_size, state.st_mtime_ns) == (entry.source_size, entry.source_mtime_ns)


def grown_cold(
    works: Sequence[Work], entries: Mapping[str, ManifestEntry], hash_key: bytes
) -> tuple[set[str], list[ManifestEntry]]:
    """Root sessions in cold storage that went on, and new entries of files that were only touched or moved.

    A session went on where a source of it grew, was rewritten, or is one that the archive never had.
    """
    cold = {root_of(entry) for entry in entries.values() if entry.cold is not None}
    grown: set[str] = set()
    touched: list[ManifestEntry] = []
    for work in works:
        root = work.session_id.split("/", 1)[0]
        if root not in cold or (work.entry and work.entry.cold is None):
            continue
        seen = _look(work, hash_key)
        if isinstance(seen, ManifestEntry):
            touched.append(seen)
        elif seen:
            grown.add(root)
    return grown, touched


def _look(work: Work, hash_key: bytes) -> bool | ManifestEntry:
    """Did the source change since it went to cold storage? A new entry where only its time or place did."""
    try:
        if work.entry and is_as_archived(work.entry, work.file.path.lstat()):
            # its directory may have been moved
            return work.entry.source != work.source and replace(work.entry, source=work.source)
        source, state = open_regular(work.file.path)
    except OSError:
        return False  # what cannot be read now says nothing
    try:
        if work.entry is None or not work.entry.source_hash or state.st_size != work.entry.consumed_bytes:
            return True
        start = Start(consumed_bytes=work.entry.consumed_bytes, source_hash=work.entry.source_hash)
        prefix_hash(source, state, start, hash_key)
    except (PrefixChangedError, SourceError):
        return True
    finally:
        os.close(source)
    return replace(work.entry, source=work.source, source_size=state.st_size, source_mtime_ns=state.st_mtime_ns)


def recovered_cold(data: DataDir, project_id: str, entries: Mapping[str, ManifestEntry]) -> list[ManifestEntry]:
    """Entries that a damaged manifest should have, as far as cold storage tells where a file is.

    A file that is in a part and not in the archive is cold; one whose part is gone is not. Raises IngestError where a
    part cannot be read.
    """
    parts = read_parts(data, project_id)
    stored = {entry.path: replace(entry, cold=part.part_id) for part in parts for entry in part.files}
    known = {part.part_id for part in parts}
    found = []
    for path, entry in stored.items():
        present = entries.get(path)
        is_lost = present is None or (present.cold is None and present.content_hash == entry.content_hash)
        if is_lost and not exists_below(data.raw(project_id), path):
            found.append(entry)
    found += [replace(entry, cold=None) for entry in entries.values() if entry.cold and entry.cold not in known]
    return found
