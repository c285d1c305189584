"""What a backup took, and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ingest.care.backup_manifest import Manifest
from ingest.care.backup_target import is_same_disk
from ingest.care.tree import KEY
from ingest.files import printable
from ingest.paths import DataDir


@dataclass
class BackupResult:
    """What a backup took. `linked_*` is what the one before has already; `repaired` linked files whose copy there was
    damaged and which were copied anew; `remarks` are sentences for the user."""

    path: str
    name: str
    files: int = 0
    bytes: int = 0
    copied_files: int = 0
    copied_bytes: int = 0
    linked_files: int = 0
    linked_bytes: int = 0
    repaired: int = 0
    seconds: float = 0.0
    is_dry_run: bool = False
    remarks: list[str] = field(default_factory=list)

    def count(self, count: int, *, is_linked: bool) -> None:
        """One more file of so many bytes."""
        self.files += 1
        self.bytes += count
        if is_linked:
            self.linked_files += 1
            self.linked_bytes += count
        else:
            self.copied_files += 1
            self.copied_bytes += count


def remarks(data: DataDir, target: Path, manifest: Manifest, *, can_link: bool) -> list[str]:
    """What the user has to know about a backup that was made: where it is, what it lacks, who can read it."""
    said = []
    if is_same_disk(data, target):
        said.append(
            "This backup is on the same disk as the data: it helps against mistakes, not against a broken disk or a "
            "lost machine. Name a directory elsewhere with --to."
        )
    if not manifest.with_key:
        said.append(
            "The redaction key is left out, as asked: keep a copy of it elsewhere. Without it the same secrets get "
            "other tokens, and archived files cannot be told from rewritten ones."
        )
    elif not manifest.has(KEY):
        said.append("There is no redaction key in the data directory, so none is in the backup: run doctor.")
    if not can_link:
        said.append("This file system knows no hard links: every backup is a whole copy.")
    if (target / manifest.name).stat().st_mode & 0o077:
        said.append("This file system keeps no permissions: whoever can read it can read the logs and the key.")
    if manifest.left_out:
        said.append(
            f"Links, pipes and the like are not in the backup: {printable(', '.join(manifest.left_out[:3]))}"
            f"{' …' if len(manifest.left_out) > 3 else ''}."
        )
    return said
