"""An archive that was made before some rules were known."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.ingest.archive_place import OLD, Place
from tests.ingest.shell import Shell
from tests.privacy.secrets_made import AWS, GITHUB, STRIPE, earlier, write_key


class OldPlace(Place):
    """Sources, and an archive of them that the earlier rules made."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        write_key(self.data.root)
        self.redactor = earlier()
        self.raw = self.data.raw("p")

    def fill_few(self) -> None:
        """A session that was rewritten, and a text."""
        for index, text in enumerate((GITHUB, STRIPE)):
            self.write("rewritten.jsonl", (json.dumps({"content": text}) + "\n").encode(), at=OLD + index)
            self.write("x/tool-results/text.txt", f"one\nT={GITHUB}".encode())
            self.sync()

    def fill(self) -> None:
        """One of everything."""
        quiet = json.dumps({"uuid": "u", "sha": "ab" * 20}) + "\n"
        said = json.dumps({"message": {"content": f"use {GITHUB} or {AWS}"}}) + "\n"
        self.write("grown.jsonl", (quiet + said).encode())
        self.write("rewritten.jsonl", (said + quiet).encode())
        self.write("quiet.jsonl", (quiet * 3).encode())
        self.write("broken.jsonl", f'{quiet}{{"cut": "{STRIPE}\n{quiet}'.encode())
        self.write("empty.jsonl", b"")
        self.write("x/tool-results/text.txt", f"one\nT={GITHUB}\nno line end".encode())
        self.write("x/subagents/agent-1.meta.json", json.dumps({"prompt": STRIPE}).encode())
        self.write(f"{GITHUB}.jsonl", said.encode())
        self.sync()
        self.write("grown.jsonl", (quiet + said + said).encode(), at=OLD + 5)
        self.write("rewritten.jsonl", (quiet + said).encode(), at=OLD + 5)
        self.sync()

    def archived(self) -> dict[str, bytes]:
        """Every archived file, by its path below the archive of the project."""
        return {path.relative_to(self.raw).as_posix(): path.read_bytes() for path in self._files()}

    def _files(self) -> list[Path]:
        return sorted(path for path in (self.raw / "sessions").rglob("*") if path.is_file())

    def all_bytes(self) -> bytes:
        """Everything below the archive of the project, manifest and leftovers included, and every name."""
        files = [path for path in self.raw.rglob("*") if path.is_file()]
        return b"\n".join([*(path.read_bytes() for path in files), *(os.fsencode(path) for path in files)])


@pytest.fixture
def old_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OldPlace:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    place = OldPlace(tmp_path)
    place.fill()
    return place


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path.resolve())
