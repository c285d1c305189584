"""A place to archive in: sources, a data directory, and a redactor that shows what it was given."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ingest import archive, manifest
from ingest.archive import ArchiveResult, archive_project, read_manifest
from ingest.paths import DataDir
from ingest.registry import Project

NOW = 1_800_000_000.0
OLD = NOW - 90_000  # more than a day ago
RECENT = NOW - 60
QUIET = NOW - 700  # more than ten minutes ago


@dataclass(frozen=True)
class Hit:
    line_number: int
    rule_id: str
    token: str


class FakeRedactor:
    """Replaces SECRET (and, in texts, everything from OPEN to CLOSE over lines) and notes what it was given."""

    rules_version = "r1"

    def __init__(self):
        self.seen = []

    def redact_jsonl(self, data):
        assert data.endswith(b"\n")
        self.seen.append(("jsonl", data))
        return data.replace(b"SECRET", b"[REDACTED]"), [Hit(1, "secret", "t")] * data.count(b"SECRET")

    def redact_text_bytes(self, data):
        self.seen.append(("text", data))
        start, end = data.find(b"OPEN"), data.find(b"CLOSE")
        if 0 <= start < end:
            data = data[:start] + b"[CUT]" + b"\n" * data.count(b"\n", start, end) + data[end + 5 :]
        return data.replace(b"SECRET", b"[REDACTED]"), [Hit(1, "secret", "t")] * data.count(b"SECRET")

    def redact_text(self, text):
        return text.replace("SECRET", "[REDACTED]")


class Place:
    """A data directory, one source directory, and a run counter."""

    def __init__(self, root: Path):
        self.data = DataDir(root / "data")
        self.source = root / "claude" / "-home-me-repo"
        self.source.mkdir(parents=True)
        self.redactor = FakeRedactor()
        self.directories = [self.source]
        self.runs = 0

    @property
    def project(self) -> Project:
        paths = tuple(str(path) for path in self.directories)
        return Project("p", "P", None, (), paths, None, "pending_processing", "2026-01-01T00:00:00Z", None, "", None)

    def write(self, name: str, content: bytes, at: float = OLD) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    def sync(self, now: float = NOW, **options) -> ArchiveResult:
        self.runs += 1
        return archive_project(self.data, self.project, self.redactor, f"run-{self.runs}", now=now, **options)

    def path(self, name: str) -> Path:
        return self.data.sessions("p") / "-home-me-repo" / name

    def read(self, name: str) -> bytes:
        return self.path(name).read_bytes()

    def entries(self) -> dict[str, manifest.ManifestEntry]:
        prefix = "sessions/-home-me-repo/"
        return {path.removeprefix(prefix): entry for path, entry in read_manifest(self.data.manifest("p")).items()}

    def check(self) -> None:
        """Every archived file is exactly what its entry says."""
        on_disk = {path for path in self.data.sessions("p").rglob("*") if path.is_file()}
        entries = read_manifest(self.data.manifest("p"))
        assert on_disk == {self.data.raw("p") / path for path in entries}
        for path, entry in entries.items():
            content = (self.data.raw("p") / path).read_bytes()
            assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.archived_bytes, entry.content_hash)
            assert content.count(b"\n") + (content[-1:] not in (b"", b"\n")) == entry.archived_lines
        assert not (self.data.raw("p") / archive.SCRATCH).exists()


def counts(result: ArchiveResult) -> tuple[int, int, int, int, int]:
    return result.new, result.grown, result.rewritten, result.unchanged, result.vanished


def lines(*numbers: int) -> bytes:
    return b"".join(b'{"n": %d}\n' % number for number in numbers)
