"""The archived files of one project redacted anew: the one exception to append-only, safe to kill at any instant.

What changes is written to `raw/<project>/.rewrite` and read back. Then one file there, the journal, says what is left
to do, and `finish_rewrite` does it: the new files into place, then the manifest. Both can be done twice. What lies
there without a journal is nothing.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import orjson

from ingest.archive_plan import base_path, name_redactor, next_version
from ingest.below import create_below, exists_below, hash_below, move_below, open_below, remove_below
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, printable, write_atomically
from ingest.manifest import Manifest, ManifestEntry, entry_of, record_of
from ingest.privacy.renewal import RenewalError, Renewed, renew
from ingest.redaction import Redactor

PLACE = ".rewrite"
JOURNAL = f"{PLACE}/unfinished.json"
COMMIT_BYTES = 64 * 1024 * 1024
COMMIT_FILES = 500

Report = Callable[[int], None]


@dataclass
class Rewritten:
    """What a rewrite did to some files, or would do: how often which rule found something in which file.

    `failures` are sentences about files that stay as they are; `cold` counts those in cold storage, left alone.
    """

    files: int = 0
    bytes: int = 0
    cold: int = 0
    changed: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __add__(self, other: Rewritten) -> Rewritten:
        return Rewritten(
            self.files + other.files,
            self.bytes + other.bytes,
            self.cold + other.cold,
            self.changed | other.changed,
            self.failures + other.failures,
        )

    def add(self, path: str, rules: Counter[str]) -> None:
        if rules:
            self.changed[path] = dict(sorted(rules.items()))

    @property
    def rules(self) -> Counter[str]:
        """How often each rule found something."""
        total: Counter[str] = Counter()
        for rules in self.changed.values():
            total.update(rules)
        return total


@dataclass
class _Batch:
    """Files that are written aside: the old entry, the new one, and the name below PLACE (none: the same bytes)."""

    items: list[tuple[ManifestEntry, ManifestEntry, str | None]] = field(default_factory=list)
    bytes: int = 0


def rewrite_archive(
    raw: Path, redactor: Redactor, run_id: str, report: Report | None = None, *, dry_run: bool
) -> Rewritten:
    """Redact every archived file below `raw` with the present rules; the caller holds the archive's lock.

    A file that is not what its manifest says, or could not be redacted without harm, stays and is named. Raises
    IngestError where the disk refuses; what was finished stays, and the next call goes on.
    """
    manifest_path = raw / "manifest.jsonl"
    if not manifest_path.exists():
        return Rewritten()
    if not dry_run:
        finish_rewrite(raw)
    manifest = _opened(manifest_path, dry_run=dry_run)
    done, batch = Rewritten(), _Batch()
    clean = name_redactor(redactor.redact_text)
    taken = set(manifest.entries)
    for entry in list(manifest.entries.values()):
        if entry.cold is not None:
            done.cold += 1
            continue
        shown = clean(entry.path)
        try:
            new, renewed, aside = _renewed(raw, entry, redactor, clean, run_id, str(len(batch.items)), dry_run=dry_run)
        except RenewalError as error:
            done.failures.append(f"{printable(shown)} stays as it is: {error}.")
            continue
        if new.path != entry.path and new.path in taken:
            # a sync with the present rules took the source for another one: both are versions of one file
            version, path = next_version(base_path(new), new.version, taken)
            new = replace(new, version=version, path=path)
        taken.add(new.path)
        done.files += 1
        done.bytes += renewed.old_bytes
        done.add(shown, renewed.rules + _name_rules(entry, redactor))
        if new != entry:
            batch.items.append((entry, new, aside))
            batch.bytes += renewed.new_bytes if aside else 0
        if report:
            report(renewed.old_bytes)
        if not dry_run and (batch.bytes >= COMMIT_BYTES or len(batch.items) >= COMMIT_FILES):
            _commit(raw, batch)
            batch = _Batch()
    if not dry_run:
        _commit(raw, batch)
    return done


def _opened(path: Path, *, dry_run: bool) -> Manifest:
    manifest = Manifest.read(path) if dry_run else Manifest.open(path)
    if manifest.damaged:
        raise IngestError(f"{path} has {manifest.damaged} lines that are not readable: run sync, which mends it.")
    return manifest


def _renewed(
    raw: Path,
    entry: ManifestEntry,
    redactor: Redactor,
    clean: Callable[[str], str],
    run_id: str,
    aside: str,
    *,
    dry_run: bool,
) -> tuple[ManifestEntry, Renewed, str | None]:
    """The entry as it is to be, what was found, and the name of the new file where there is one."""

    def create() -> IO[bytes]:
        with disk_errors(raw / PLACE):
            return os.fdopen(create_below(raw, f"{PLACE}/{aside}"), "wb")

    try:
        descriptor, size = open_below(raw, entry.path)
        with os.fdopen(descriptor, "rb") as stream:
            if size != entry.archived_bytes:
                raise RenewalError(f"it has {size} bytes, its manifest says {entry.archived_bytes}: run sync")
            renewed = renew(stream, entry.path, redactor, None if dry_run else create)
    except OSError as error:
        raise RenewalError(f"it cannot be read ({error.strerror})") from error
    if renewed.old_hash != entry.content_hash:
        raise RenewalError("it is not what its manifest says: run sync, or restore it from a backup")
    if renewed.lines != entry.archived_lines:
        raise RenewalError(f"it has {renewed.lines} lines, its manifest says {entry.archived_lines}")
    is_changed = renewed.new_hash != renewed.old_hash
    new = replace(
        _with_clean_names(entry, clean),
        archived_bytes=renewed.new_bytes,
        content_hash=renewed.new_hash,
        rules_version=redactor.rules_version,
    )
    if is_changed or new.path != entry.path:
        new = replace(new, last_run_id=run_id)
    return new, renewed, aside if is_changed else None


def _with_clean_names(entry: ManifestEntry, clean: Callable[[str], str]) -> ManifestEntry:
    parent = entry.parent_session_id
    return replace(
        entry,
        path=clean(entry.path),
        source=clean(entry.source),
        session_id=clean(entry.session_id),
        parent_session_id=clean(parent) if parent else parent,
    )


def _name_rules(entry: ManifestEntry, redactor: Redactor) -> Counter[str]:
    """What the names of an entry hold: those of its file, its source and its session."""
    texts = (entry.path, entry.source)
    return Counter(found.rule_id for text in texts for found in redactor.redact_text_bytes(text.encode())[1])


def _commit(raw: Path, batch: _Batch) -> None:
    """Read back what was written aside; from the journal on it will be put into place, whatever happens."""
    if not batch.items:
        return
    for _, new, aside in batch.items:
        if aside is not None:
            path = raw / PLACE / aside
            with disk_errors(path):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            _require(raw, f"{PLACE}/{aside}", new, "was not written as it should be; nothing was changed")
    with disk_errors(raw / PLACE):
        make_private_directory(raw / PLACE)
    items = [
        {"path": old.path, "content_hash": old.content_hash, "aside": aside, "entry": record_of(new)}
        for old, new, aside in batch.items
    ]
    write_atomically(raw / JOURNAL, orjson.dumps(items))
    finish_rewrite(raw)


def finish_rewrite(raw: Path) -> bool:
    """Finish a rewrite below `raw` that was cut short, and clear away what never began. Returns whether there was one.

    Raises IngestError where the disk refuses, or where a file is neither what it was nor what it is to be.
    """
    if not (raw / JOURNAL).exists():
        if (raw / PLACE).is_dir() and not (raw / PLACE).is_symlink():
            shutil.rmtree(raw / PLACE, ignore_errors=True)
        return False
    items = _read_journal(raw)
    for old_path, old_hash, aside, new in items:
        if aside is not None and exists_below(raw, f"{PLACE}/{aside}"):
            _require(raw, f"{PLACE}/{aside}", new, "is not what was verified")
            if hash_below(raw, old_path)[1] not in (old_hash, new.content_hash):
                raise IngestError(
                    f"{printable(str(raw / old_path))} is neither what it was nor what it is to be: restore it from a "
                    f"backup, or delete {raw / PLACE}, then run the same command again."
                )
            move_below(raw, f"{PLACE}/{aside}", new.path)
            continue
        if aside is None and new.path != old_path and exists_below(raw, old_path):
            move_below(raw, old_path, new.path)
        if aside is not None or new.path != old_path:
            _require(raw, new.path, new, "is not what was verified")
    manifest = Manifest.open(raw / "manifest.jsonl")
    before = dict(manifest.entries)
    manifest.append([new for _, _, _, new in items if before.get(new.path) != new])
    for old_path, _, _, new in items:
        if new.path != old_path:
            manifest.entries.pop(old_path, None)
    # its old lines would still hold what a name held
    manifest.compact(force=True)
    for old_path, _, _, new in items:
        if new.path != old_path:
            remove_below(raw, old_path)
    remove_below(raw, JOURNAL)
    shutil.rmtree(raw / PLACE, ignore_errors=True)
    return True


def _require(raw: Path, path: str, new: ManifestEntry, complaint: str) -> None:
    if hash_below(raw, path) != (new.archived_bytes, new.content_hash):
        raise IngestError(f"{printable(str(raw / path))} {complaint}: run the same command again.")


def _read_journal(raw: Path) -> list[tuple[str, str, str | None, ManifestEntry]]:
    try:
        descriptor, _ = open_below(raw, JOURNAL)
        with os.fdopen(descriptor, "rb") as file:
            items = [
                (str(item["path"]), str(item["content_hash"]), item["aside"], entry_of(item["entry"]))
                for item in orjson.loads(file.read())
            ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(f"{raw / JOURNAL} cannot be read ({error}): restore it from a backup.") from error
    found = [(path, digest, aside, entry) for path, digest, aside, entry in items if entry is not None]
    if len(found) != len(items) or not all(aside is None or str(aside).isdigit() for _, _, aside, _ in found):
        raise IngestError(f"{raw / JOURNAL} is damaged: restore it from a backup.")
    return found
