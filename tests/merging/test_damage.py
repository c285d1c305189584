"""What cannot be taken from the other data directory is named, and the rest comes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.merging.merge import merge_data
from tests.ingest.landing_place import ask
from tests.merging.machine import LINES, Machine, fill_texts, line


def test_links_and_paths_that_lead_out_are_named_and_not_followed(
    here: Machine, there: Machine, tmp_path: Path
) -> None:
    secret = tmp_path / "private.jsonl"
    secret.write_text(line(1, "private") + "\n")
    entry = there.session("good", *LINES)
    text = secret.read_bytes()
    there.session("link", text.decode().strip())
    (there.data.raw("one") / "sessions/-code/link.jsonl").unlink()
    (there.data.raw("one") / "sessions/-code/link.jsonl").symlink_to(secret)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "s.jsonl").write_bytes(text)
    (there.data.raw("one") / "sessions/-linked").symlink_to(tmp_path / "linked")
    with there.data.manifest("one").open("a") as manifest:
        for path in ("sessions/../../../../private.jsonl", "/etc/passwd", "manifest.jsonl", "sessions/-linked/s.jsonl"):
            record = {name: getattr(entry, name) for name in vars(entry)} | {"path": path, "session_id": "x"}
            manifest.write(json.dumps(record) + "\n")
        manifest.write("{broken\n")
    fill_texts(here)
    fill_texts(there, is_there=True)
    (there.data.validation("one") / "reaction.people.csv").unlink()
    (there.data.validation("one") / "reaction.people.csv").symlink_to(secret)
    here.merge(there)
    assert set(here.files()) == {"sessions/-code~merged/good.jsonl"}
    found = ask(here.data, "select path, reason from raw.parse_errors where step = 'merge' order by all")
    assert found == [
        ("/etc/passwd", "path leaves the archive"),
        ("manifest.jsonl", "manifest line cannot be read"),
        ("manifest.jsonl", "path leaves the archive"),
        ("sessions/-code/link.jsonl", "symbolic link"),
        ("sessions/-linked/s.jsonl", "symbolic link"),
        ("sessions/../../../../private.jsonl", "path leaves the archive"),
        ("validation/reaction.people.csv", "symbolic link"),
    ]
    assert not any(
        b"private" in item[1] for path, item in here.tree().items() if "projects" not in path and ".db" not in path
    )


def test_a_damaged_file_there_is_named_and_the_others_come(here: Machine, there: Machine) -> None:
    there.session("good", *LINES)
    there.session("short", *LINES)
    there.session("edited", *LINES)
    place = there.data.raw("one") / "sessions/-code"
    (place / "short.jsonl").write_bytes(b"x\n")
    (place / "edited.jsonl").write_bytes((place / "edited.jsonl").read_bytes().replace(b"u3", b"u9"))
    merged = here.merge(there)
    assert set(here.files()) == {"sessions/-code~merged/good.jsonl"}
    assert [problem.reason for problem in merged.projects[0].problems] == [
        "archived file is not what its manifest says",
        "archived file is shorter than its manifest says",
    ]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_damaged_manifest_of_ours_is_mended_first(here: Machine, there: Machine, dry_run: bool) -> None:
    there.session("s", *LINES)
    here.session("s", *LINES[:3])
    with here.data.manifest("one").open("a") as manifest:
        manifest.write("{broken\n")
    with pytest.raises(IngestError, match=r"has damaged lines: run `python -m ingest sync`"):
        here.merge(there, dry_run=dry_run)


def test_files_in_cold_storage_are_named(here: Machine, there: Machine) -> None:
    entry = there.session("s", *LINES)
    with there.data.manifest("one").open("a") as manifest:
        manifest.write(json.dumps({**{name: getattr(entry, name) for name in vars(entry)}, "cold": "part-1"}) + "\n")
    merged = here.merge(there)
    assert [problem.reason for problem in merged.projects[0].problems] == ["file is in cold storage there"]
    assert here.entries() == {}


def test_directories_that_cannot_be_merged(here: Machine, there: Machine, tmp_path: Path) -> None:
    (here.data.root / "inner").mkdir()
    empty = tmp_path / "empty"
    empty.mkdir()
    for root, words in (
        (here.data.root, "is this data directory"),
        (here.data.root / "inner", "lies inside"),
        (here.data.root.parent, "contains"),
        (tmp_path / "missing", "no directory"),
        (empty, "has no projects.json"),
    ):
        with pytest.raises(IngestError, match=words):
            merge_data(here.data, root)
    there.data.registry.rename(tmp_path / "elsewhere.json")
    there.data.registry.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(IngestError, match="symbolic link"):
        here.merge(there)
