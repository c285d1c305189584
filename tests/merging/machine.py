"""A machine to merge with: a data directory with one project, whose archive and history a test writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingest.manifest import ManifestEntry, read_manifest
from ingest.merging import content, merge
from ingest.merging.merge import DataMerged, merge_data
from ingest.paths import DataDir
from ingest.registry import Project, load_projects, save_projects
from tests.ingest.landing_place import archive, project, write_history

AT = "2026-01-02T03:04:05+00:00"


class Machine:
    """A data directory with one project, whose archive and history a test writes."""

    def __init__(self, root: Path) -> None:
        self.data = DataDir(root / "data")
        self.data.root.mkdir(parents=True)
        save_projects(self.data, [replace(project("one"), session_directories=())])

    def session(self, name: str, *lines: str, directory: str = "-code", **changes: object) -> ManifestEntry:
        text = "".join(line + "\n" for line in lines).encode()
        changes.setdefault("source", "")
        return archive(self.data, f"{directory}/{name}.jsonl", text, **changes)

    def merge(self, other: Machine, **options: Any) -> DataMerged:
        return merge_data(self.data, other.data.root, **options)

    def entries(self) -> dict[str, ManifestEntry]:
        return read_manifest(self.data.manifest("one"))

    def files(self) -> dict[str, bytes]:
        """The archive as its manifest says; each file is what its entry says."""
        found = {}
        for path, entry in self.entries().items():
            found[path] = (self.data.raw("one") / path).read_bytes()
            assert (len(found[path]), found[path].count(b"\n")) == (entry.archived_bytes, entry.archived_lines)
        return found

    def records(self) -> set[tuple[str, bytes]]:
        """Every line of every session."""
        return {
            (self.entries()[path].session_id, content.comparable(line))
            for path, text in self.files().items()
            for line in text.splitlines()
        }

    def tree(self) -> dict[str, tuple[int, bytes]]:
        """Everything in the data directory, with times."""
        return {
            str(path.relative_to(self.data.root)): (
                path.stat().st_mtime_ns,
                path.read_bytes() if path.is_file() else b"",
            )
            for path in sorted(self.data.root.rglob("*"))
        }

    def truth(self) -> dict[str, bytes]:
        """The plain files but for the run log and the logs, which every command writes to."""
        changing = ("runs", "logs", "ope.db")
        return {path: content for path, (_, content) in self.tree().items() if not path.startswith(changing)}


def line(number: int, text: str = "") -> str:
    return json.dumps({"type": "user", "uuid": f"u{number}", "text": text})


LINES = [line(number) for number in range(6)]


def counts(merged: DataMerged) -> dict[str, int]:
    found = {name: count for name, count in merge.project_counts(merged.projects[0]).items() if count}
    return found | ({"runs": merged.runs.lines} if merged.runs.lines else {})


def commit(sha: str, **changes: object) -> dict[str, object]:
    return {"sha": sha * 40, "parents": [], "committed_at": AT, "message": sha, "files": [], **changes}


def fill_texts(machine: Machine, *, is_there: bool = False) -> None:
    """Commits, labels, notes and a run log: of this machine, or of the other."""
    labels = "u1,approve,2026-01-02\nu2,block,2026-01-05\nu3,correct,\n"
    notes = "# Notes on One\n\nMine.\n"
    commits = [commit("a"), commit("b", is_boundary=True)]
    if is_there:
        labels = "u1,block,2026-01-03\nu2,approve,2026-01-04\nu4,question,\nu5\n"
        notes = "# Notes on One\n\n## Excluded on 2026-01-01\n\nToo few.\n"
        commits = [commit("a", message="other words"), commit("b"), commit("c")]
    write_history(machine.data, commits)
    path = machine.data.validation("one") / "reaction.people.csv"
    path.parent.mkdir(parents=True)
    path.write_text("message_uuid,label,labelled_at\n" + labels)
    machine.data.runs.mkdir(exist_ok=True)
    record = {"run_id": "there" if is_there else "here", "step": "land", "started_at": AT, "status": "ok"}
    (machine.data.runs / "2026-01.jsonl").write_text(json.dumps(record) + "\n" + "{half")
    machine.data.raw("one").mkdir(parents=True, exist_ok=True)
    machine.data.notes("one").write_text(notes)


def named(machine: Machine, **changes: object) -> Project:
    changed = replace(load_projects(machine.data)[0], **changes)  # type: ignore[arg-type]
    save_projects(machine.data, [changed])
    return changed
