"""Changed rules reach the archive: only secrets change, the manifest follows, a kill at any instant does no harm."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.manifest import read_manifest
from ingest.privacy import renewal, rewrite_archive
from ingest.privacy.check import check_paths
from ingest.privacy.reading import DOCUMENT, LINES, TEXT
from ingest.privacy.renewal import RenewalError, verify
from ingest.privacy.rewrite_archive import JOURNAL, PLACE, Rewritten, finish_rewrite
from tests.ingest.test_archive_kills import Death
from tests.privacy.conftest import OldPlace
from tests.privacy.secrets_made import AWS, GITHUB, STRIPE, earlier, present

CLEAN_NAME = present().redact_text(GITHUB)


def rewrite(place: OldPlace, *, dry_run: bool = False) -> Rewritten:
    return rewrite_archive.rewrite_archive(place.raw, present(), "run-r", dry_run=dry_run)


def expected(place: OldPlace) -> dict[str, bytes]:
    """What the archive is to be: each file with the present rules, under a name without a secret."""
    found = {}
    for path, content in place.archived().items():
        redact = present().redact_jsonl if path.endswith(".jsonl") else present().redact_text_bytes
        found[path.replace(GITHUB, CLEAN_NAME)] = redact(content)[0]
    return found


def test_every_archived_file_gets_the_present_rules(old_place: OldPlace) -> None:
    before, wanted = old_place.archived(), expected(old_place)
    assert len(before) == 9 and GITHUB.encode() in old_place.all_bytes() and AWS.encode() not in old_place.all_bytes()
    assert "sessions/-home-me-repo/rewritten.v2.jsonl" in before
    planned = rewrite(old_place, dry_run=True)
    assert old_place.archived() == before
    done = rewrite(old_place)
    assert (done.changed, done.files, done.failures) == (planned.changed, 9, [])
    assert len(done.changed) == 7 and set(done.rules) == {"github_token", "stripe_key"}
    assert old_place.archived() == wanted
    assert not [secret for secret in (GITHUB, STRIPE) if secret.encode() in old_place.all_bytes()]
    assert check_paths([old_place.raw], present()).hits == []
    old_place.check()
    entries = read_manifest(old_place.data.manifest("p"))
    assert {entry.rules_version for entry in entries.values()} == {present().rules_version}
    changed = {path for path, entry in entries.items() if entry.last_run_id == "run-r"}
    assert changed == set(done.changed)
    assert not (old_place.raw / PLACE).exists()
    # a second time there is nothing to do, not even in the manifest
    manifest = old_place.data.manifest("p").read_bytes()
    assert rewrite(old_place).changed == {} and old_place.data.manifest("p").read_bytes() == manifest


def test_a_sync_goes_on_from_a_rewritten_archive(old_place: OldPlace) -> None:
    rewrite(old_place)
    old_place.redactor = present()
    result = old_place.sync()
    assert (result.new, result.rewritten, result.problems) == (0, 0, [])
    source = old_place.source / "grown.jsonl"
    old_place.write("grown.jsonl", source.read_bytes() + b'{"n": 1}\n')
    before = old_place.read("grown.jsonl")
    assert old_place.sync().grown == 1
    assert old_place.read("grown.jsonl") == before + b'{"n": 1}\n'
    old_place.check()


def test_what_is_not_as_the_manifest_says_stays_and_is_named(old_place: OldPlace) -> None:
    with old_place.path("grown.jsonl").open("ab") as file:
        file.write(b"{}\n")
    old_place.path("rewritten.jsonl").write_bytes(old_place.read("rewritten.jsonl").replace(b"use", b"see"))
    old_place.path("quiet.jsonl").unlink()
    old_place.path("x/tool-results/text.txt").unlink()
    old_place.path("x/tool-results/text.txt").symlink_to(old_place.source / "x/tool-results/text.txt")
    before = old_place.archived()
    done = rewrite(old_place)
    assert len(done.failures) == 4 and done.files == 5
    assert not any(GITHUB in sentence for sentence in done.failures)
    after = old_place.archived()
    for name in ("grown.jsonl", "rewritten.jsonl"):
        assert after[f"sessions/-home-me-repo/{name}"] == before[f"sessions/-home-me-repo/{name}"]


def test_a_name_that_a_sync_has_given_meanwhile_becomes_a_version(old_place: OldPlace) -> None:
    old_place.redactor = present()
    assert old_place.sync().new == 1  # its source has another name now
    assert rewrite(old_place).failures == []
    old_place.check()
    assert {name for name in old_place.entries() if "REDACTED" in name} == {
        f"{CLEAN_NAME}.jsonl",
        f"{CLEAN_NAME}.v2.jsonl",
    }
    assert GITHUB.encode() not in old_place.all_bytes()
    result = old_place.sync()
    assert (result.new, result.rewritten, result.problems) == (0, 0, [])


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_damaged_manifest_is_mended_first(old_place: OldPlace, dry_run: bool) -> None:
    path = old_place.data.manifest("p")
    path.write_bytes(b"no entry\n" + path.read_bytes())
    with pytest.raises(IngestError, match="run sync"):
        rewrite(old_place, dry_run=dry_run)


@pytest.mark.parametrize(("named", "share"), [(True, 1.0), (False, 0.5)], ids=["renamed", "same name"])
def test_killed_at_any_call_the_next_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, share: float
) -> None:
    """The next command is a rewrite, or a sync where no name has to change."""
    monkeypatch.setattr(rewrite_archive, "COMMIT_FILES", 2)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    start = OldPlace(tmp_path / "start")
    if named:
        start.write(f"{GITHUB}.jsonl", b'{"n": 1}\n')
    start.fill_few()
    wanted = expected(start)
    point, is_over = 0, False
    while not is_over:
        shutil.copytree(start.data.root, tmp_path / str(point) / "data")
        place = OldPlace(tmp_path / str(point))
        place.redactor, place.directories = present(), start.directories
        with Death(point, share) as death:
            rewrite(place)
        is_over = not death.is_dead
        if not named:
            result = place.sync()
            assert (result.rewritten, result.problems) == (0, []), point
            place.check()
        rewrite(place)
        assert place.archived() == wanted, point
        place.check()
        assert not (place.raw / PLACE).exists() and GITHUB.encode() not in place.all_bytes(), point
        point += 1
    assert point > 15


def test_a_journal_that_does_not_fit_changes_nothing(old_place: OldPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rewrite_archive, "finish_rewrite", lambda raw: False)
    rewrite(old_place)
    monkeypatch.undo()
    assert (old_place.raw / JOURNAL).exists()
    journal = (old_place.raw / JOURNAL).read_bytes()
    old_place.path("grown.jsonl").write_bytes(b"another\n")
    with pytest.raises(IngestError, match="neither what it was"):
        finish_rewrite(old_place.raw)
    assert old_place.read("grown.jsonl") == b"another\n"
    for damaged in (b"[", b'[{"path": 1}]', journal.replace(b'"aside":"0"', b'"aside":"../0"')):
        (old_place.raw / JOURNAL).write_bytes(damaged)
        with pytest.raises(IngestError, match=r"cannot be read|damaged"):
            finish_rewrite(old_place.raw)


TOKEN = present().redact_text(GITHUB)


@pytest.mark.parametrize(
    ("kind", "old", "new", "reason"),
    [
        (TEXT, f"a {GITHUB} b\n", f"a {TOKEN} b\n", None),
        (TEXT, f"a {TOKEN} {GITHUB} b", f"a {TOKEN} {TOKEN} b", None),
        (TEXT, f"a {GITHUB} b", f"a {TOKEN} c", "more than secrets"),
        (TEXT, f"a {GITHUB} b c d", f"a {TOKEN} c d b", "more than secrets"),
        (TEXT, "a b", f"a {TOKEN} b", "more than secrets"),
        (TEXT, f"a {GITHUB}\nb", f"a {TOKEN} b", "number of its lines"),
        (TEXT, f"{GITHUB} and {AWS}", f"{TOKEN} and {AWS}", "second pass"),
        (LINES, f'{{"a": "{GITHUB}"}}\n', f'{{"a": "{TOKEN}}}\n', "no longer be JSON"),
        (LINES, f'{{"a": "{GITHUB}"}}\n{{"b": 1}}\n', f'{{"a": "{TOKEN}"}}\n{{"b": 2}}\n', "more than secrets"),
        (DOCUMENT, f'{{"a": "{GITHUB}"}}', f'{{"a": "{TOKEN}}}', "no longer be JSON"),
    ],
)
def test_more_than_a_secret_never_changes(kind: str, old: str, new: str, reason: str | None) -> None:
    if reason is None:
        verify(present(), kind, old.encode(), new.encode())
        return
    with pytest.raises(RenewalError, match=reason):
        verify(present(), kind, old.encode(), new.encode())


def test_a_file_that_would_be_harmed_stays(old_place: OldPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    redact = renewal.redact_piece

    def harmful(redactor, kind, data):
        changed, findings = redact(redactor, kind, data)
        return (changed.replace(b'"uuid"', b'"uid"') if findings else changed), findings

    monkeypatch.setattr(renewal, "redact_piece", harmful)
    before = old_place.archived()
    done = rewrite(old_place)
    assert any("more than secrets would change" in sentence for sentence in done.failures)
    name = "sessions/-home-me-repo/grown.jsonl"
    assert old_place.archived()[name] == before[name]
    old_place.check()


def test_the_earlier_rules_are_what_made_it(old_place: OldPlace) -> None:
    versions = {entry.rules_version for entry in read_manifest(old_place.data.manifest("p")).values()}
    assert versions == {earlier().rules_version} != {present().rules_version}
    assert json.loads(old_place.read("grown.jsonl").splitlines()[1])["message"]["content"].startswith(f"use {GITHUB}")
