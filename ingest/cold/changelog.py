"""`data/CHANGELOG.md`: what the data directory itself has to tell, the newest first; people may write in it too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ingest.errors import IngestError
from ingest.files import write_atomically
from ingest.paths import DataDir
from ingest.runlog import now
from ingest.terminal import many, size

if TYPE_CHECKING:
    from ingest.cold.snapshots import Snapshot

CHANGELOG = "CHANGELOG.md"
_TITLE = "# Changelog of this data directory\n"


def has_entry(data: DataDir, version: str) -> bool:
    """Is a snapshot noted?"""
    return re.search(rf"^## {re.escape(version)}(?: |$)", _read(data), re.MULTILINE) is not None


def noted_hash(data: DataDir, version: str) -> str | None:
    """The SHA-256 of a snapshot's manifest, as it was noted."""
    entry = _entry(_read(data), version)
    found = re.search(r"\b[0-9a-f]{64}\b", entry[1]) if entry else None
    return found[0] if found else None


def add_entry(data: DataDir, snapshot: Snapshot, digest: str) -> None:
    """Note a snapshot above what is there. Raises IngestError where the disk refuses."""
    text = _read(data) or _TITLE
    entry = (
        f"## {snapshot.version} – {snapshot.made_at[:10]}\n\n"
        f"Snapshot of {many(len(snapshot.files), 'table')}, {many(snapshot.rows, 'row')}, {size(snapshot.bytes)}, "
        f"published {snapshot.published.get('published_at')} (UTC) by OPE {snapshot.ope_version}: "
        f"`archived/{snapshot.version}/`. SHA-256 of its manifest.json: `{digest}`.\n"
    )
    start = re.search(r"^## ", text, re.MULTILINE)
    at = start.start() if start else len(text)
    head = text[:at].rstrip("\n")
    rest = f"\n{text[at:]}" if start else ""
    write_atomically(data.root / CHANGELOG, f"{head}\n\n{entry}{rest}".encode())


def note_change(data: DataDir, version: str, digest: str, what: str) -> None:
    """Note that a snapshot was changed, with the new SHA-256 of its manifest in the place of the old one."""
    text = _read(data)
    entry = _entry(text, version)
    if entry is None:
        return
    body = re.sub(r"\b[0-9a-f]{64}\b", digest, entry[1], count=1).rstrip("\n")
    note = f"Changed {now():%Y-%m-%d}: {what}."
    body += "" if body.endswith(note) else f"\n{note}"
    gap = "\n\n" if text[entry.end() :] else "\n"
    write_atomically(data.root / CHANGELOG, f"{text[: entry.start(1)]}{body}{gap}{text[entry.end() :]}".encode())


def _entry(text: str, version: str) -> re.Match[str] | None:
    """The entry of a snapshot; its first group is what stands below its heading."""
    return re.search(rf"^## {re.escape(version)}(?: [^\n]*)?$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)


def _read(data: DataDir) -> str:
    path = data.root / CHANGELOG
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"{path} cannot be read ({error}): correct it and run the same command again.") from error
