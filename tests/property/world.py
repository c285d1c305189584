"""Sources and a data directory in which plans are played, and what the archive has to hold afterwards."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb

from ingest.exclusion import exclude_project, include_project
from ingest.manage import plan_removal, remove_project
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_or_create_key
from ingest.registry import EXCLUDED, Project, load_projects, register
from ingest.sync import SyncResult, sync
from tests.property import plans

KEY = "ab" * 32 + "\n"  # one for all worlds: the tokens that stand for secrets depend on it
DAYS = 2 * 86_400
# What has to be the same in every database that was landed from the same archive.
RAW_TABLES = {
    "session_files": "* exclude (first_run_id, last_run_id, run_id, loaded_at)",
    "session_lines": "* exclude (run_id, loaded_at)",
    "parse_errors": "* exclude (run_id, loaded_at)",
    "redactions": "* exclude (run_id, loaded_at)",
}


@dataclass
class Stream:
    """What one archived transcript has to hold: the whole lines of a source that was only appended to."""

    read: bytes = b""
    lines: list[bytes] = field(default_factory=list)
    ends_open: bool = False

    def goes_on_with(self, content: bytes) -> bool:
        return content.startswith(self.read)

    def take(self, content: bytes, *, is_quiet: bool) -> None:
        new = content[len(self.read) :]
        whole = new[: new.rfind(b"\n") + 1]
        rest = new[len(whole) :]
        self.read += whole
        if whole and self.ends_open:
            # the newline of a last line that was taken without it
            whole = whole.removeprefix(b"\r\n") if whole.startswith(b"\r\n") else whole.removeprefix(b"\n")
            self.ends_open = False
        self.lines += whole.split(b"\n")[:-1]
        if rest and is_quiet:
            self.read += rest
            self.lines.append(rest)
            self.ends_open = True


@dataclass
class World:
    """`files`: the sources that plans speak of, by their number. `root`: a directory of its own."""

    root: Path
    files: Sequence[plans.File]
    commits: Callable[[int], bytes] | None = None  # the imported history of every project with so many commits
    places: dict[str, Path] = field(default_factory=dict)  # session directory by project
    paths: dict[int, str] = field(default_factory=dict)  # of the files that are there
    quiet: dict[int, bool] = field(default_factory=dict)
    histories: dict[str, int] = field(default_factory=dict)
    streams: dict[tuple[str, str], list[Stream]] = field(default_factory=dict)
    clock: int = 0

    def __post_init__(self) -> None:
        self.data.root.mkdir(parents=True)
        self.data.redaction_key.write_text(KEY)
        self.data.redaction_key.chmod(0o600)
        for project in plans.PROJECTS:
            self.places[project] = self.root / "sources" / "0" / f"-home-sam-{project}"
            self.places[project].mkdir(parents=True)

    @cached_property
    def data(self) -> DataDir:
        return DataDir(self.root / "data")

    @property
    def redactor(self) -> Redactor:
        return redactor_of(load_or_create_key(self.data.redaction_key))

    @property
    def projects(self) -> dict[str, Project]:
        return {project.project_id: project for project in load_projects(self.data)}

    def place(self, file: int) -> Path:
        return self.places[self.files[file].project] / self.paths[file]

    def play(self, operation: plans.Operation) -> None:
        """Do what the operation says; what cannot be (a file that is not there is renamed …) is nothing."""
        match operation:
            case plans.Grow(file, size, is_quiet):
                self.paths.setdefault(file, self.files[file].path)
                self._write(file, self.files[file].content[:size], is_quiet)
            case plans.Rewrite(file, without_line) if file in self.paths:
                lines = self.files[file].content.splitlines(keepends=True)
                if without_line is not None and lines:
                    del lines[without_line % len(lines)]
                self._write(file, b"".join(lines), False)
            case plans.Rename(file, path) if file in self.paths and not self._is_taken(file, path):
                before = self.place(file)
                self.paths[file] = path
                self.place(file).parent.mkdir(parents=True, exist_ok=True)
                before.rename(self.place(file))
            case plans.Remove(file) if file in self.paths:
                self.place(file).unlink()
                del self.paths[file]
            case plans.MoveDirectory(project, name):
                before = self.places[project]
                self.clock += 1
                self.places[project] = self.root / "sources" / str(self.clock) / (name or before.name)
                self.places[project].parent.mkdir(parents=True, exist_ok=True)
                before.rename(self.places[project])
                if project in self.projects:
                    self._register(project)
            case plans.Register(project):
                self._register(project)
            case plans.Unregister(project, deletes_archive) if project in self.projects:
                remove_project(self.data, plan_removal(self.data, project, delete_archive=deletes_archive))
                if deletes_archive:
                    self.streams = {key: chain for key, chain in self.streams.items() if key[0] != project}
            case plans.Exclude(project) if project in self.projects:
                exclude_project(self.data, project, "a test")
            case plans.Include(project) if project in self.projects:
                include_project(self.data, project)
            case plans.Commits(project, count) if self.commits:
                self.histories[project] = max(count, self.histories.get(project, 0))
                self._history(project).write_bytes(self.commits(self.histories[project]))

    def _history(self, project: str) -> Path:
        return self.root / f"{project}.json"

    def _is_taken(self, file: int, path: str) -> bool:
        project = self.files[file].project
        return any(self.paths[other] == path and self.files[other].project == project for other in self.paths)

    def _register(self, project: str) -> None:
        history = self._history(project)
        if self.commits and not history.exists():
            history.write_bytes(self.commits(0))
        register(
            self.data,
            name=project,
            project_id=project,
            sessions=[self.places[project]],
            git_metadata=history if self.commits else None,
        )

    def _write(self, file: int, content: bytes, is_quiet: bool) -> None:
        path = self.place(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_bytes() == content and self.quiet[file] == is_quiet:
            return
        path.write_bytes(content)
        self.clock += 1
        self.quiet[file] = is_quiet
        if is_quiet:
            # no two states of a file with the same time: a clock of nanoseconds would not give it either
            moment = path.stat().st_mtime_ns - DAYS * 10**9 + self.clock
            os.utime(path, ns=(moment, moment))

    def sync(self) -> SyncResult | None:
        """One sync of whatever is registered, and what it has to find. None where nothing is registered."""
        if not self.projects:
            return None
        self.expect()
        return sync(self.data)

    def expect(self) -> None:
        """Note what a sync now would archive: the same, said in other words than the product's."""
        for index, path in self.paths.items():
            project = self.files[index].project
            if project not in self.projects or self.projects[project].status == EXCLUDED or not is_transcript(path):
                continue
            content = self.place(index).read_bytes()
            chain = self.streams.setdefault((project, f"{self.places[project].name}/{path}"), [])
            if not chain or not chain[-1].goes_on_with(content):
                chain.append(Stream())
            chain[-1].take(content, is_quiet=self.quiet[index])

    def expected_transcripts(self) -> Counter[tuple[str, bytes]]:
        """(project, redacted bytes) of every archived transcript with a line, for the projects that are registered."""
        found: Counter[tuple[str, bytes]] = Counter()
        for (project, _), chain in self.streams.items():
            if project in self.projects:
                for stream in chain:
                    content = b"".join(self.redactor.redact_jsonl(line + b"\n")[0] for line in stream.lines)
                    found[project, content] += bool(content)
        return +found

    def archived_transcripts(self) -> Counter[tuple[str, bytes]]:
        """(project, bytes) of every archived transcript with a line."""
        found: Counter[tuple[str, bytes]] = Counter()
        for project in self.projects:
            for path, entry in read_manifest(self.data.manifest(project)).items():
                if entry.kind == "transcript" and (content := (self.data.raw(project) / path).read_bytes()):
                    found[project, content] += 1
        return found

    def archived_files(self) -> dict[str, bytes]:
        """Every file below sessions/ of every project's archive, by its path."""
        return {
            str(path.relative_to(self.data.root)): path.read_bytes()
            for project in self.projects
            for path in sorted(self.data.sessions(project).rglob("*"))
            if path.is_file()
        }

    def copy_of_data(self, name: str) -> DataDir:
        """The data directory without its database, below another name."""
        target = self.root / name
        shutil.copytree(self.data.root, target, ignore=shutil.ignore_patterns("ope.db*"))
        return DataDir(target)


@cache
def redactor_of(key: bytes) -> Redactor:
    """The redactor with this key; its rules are read once."""
    return Redactor.load(key)


def raw_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of lines without the columns that say who wrote a row and when."""
    return {
        table: sorted(connection.execute(f"select {columns} from raw.{table}").fetchall(), key=repr)
        for table, columns in RAW_TABLES.items()
    }


def is_transcript(path: str) -> bool:
    return path.endswith(".jsonl") and "tool-results" not in path and not path.endswith("workflows/journal.jsonl")
