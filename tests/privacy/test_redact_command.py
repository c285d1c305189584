"""`redact` as a person, a hook and a program call it."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
import types
from pathlib import Path

import pytest

from ingest.files import PRIVATE_FILE
from ingest.nightly import night
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.privacy import new
from ingest.privacy.check import Checked, Hit, Unread
from ingest.privacy.new import sentences
from tests.ingest import small_build
from tests.ingest.shell import Shell, git
from tests.privacy.secrets_made import AWS, GITHUB, KEY, STRIPE, present, write_key


def test_a_check_says_where_and_never_what(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"\n{GITHUB}\n")
    (tmp_path / "b.txt").write_text("fine\n")
    told = shell.run("redact", "--check", str(tmp_path / "a.txt"), str(tmp_path / "b.txt"), code=1)
    assert re.search(r"github_token +\S*a\.txt:2 +1\n", told.stdout) and GITHUB not in told.output
    assert "1 finding in 2 files" in told.stdout and not shell.data.exists()
    assert "0 findings in 1 file" in shell.run("redact", "--check", str(tmp_path / "b.txt")).stdout
    document = shell.json("redact", "--check", str(tmp_path), code=1)
    assert document["findings"][0] | {"path": "a.txt"} == {
        **{"path": "a.txt", "line": 2, "table": None, "column": None, "rule": "github_token", "count": 1}
    }
    missing = shell.run("redact", "--check", str(tmp_path / "b.txt"), str(tmp_path / "none"), code=2).stdout
    assert "not read: " in missing and "1 place could not be read" in missing
    assert "cannot be read" in shell.run("redact", "--check", code=2).stderr
    assert shell.json("redact", "--check", code=2)["exit_code"] == 2


def test_what_was_synced_is_checked_as_a_whole(shell: Shell) -> None:
    shell.make_repository()
    session = shell.write_session("s1")
    session.write_text(session.read_text() + json.dumps({"message": {"content": [GITHUB, AWS, STRIPE]}}) + "\n")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    shell.run("sync")
    told = shell.run("redact", "--check").stdout
    assert "0 findings in" in told and "REDACTED" not in told
    assert shell.ask("select count(*) from raw.redactions") == [(3,)]


def test_a_text_is_tried_without_a_data_directory(shell: Shell) -> None:
    told = shell.run("redact", "--test", f"export T={GITHUB}").stdout
    assert re.search(r"1  github_token +GitHub", told) and "[REDACTED:github_token:" in told and GITHUB not in told
    assert "a key that is thrown away" in told and not shell.data.exists()
    document = json.loads(shell.run("redact", "--test", "-", "--json", typed=f"a\nb {AWS}\n").stdout)
    assert document["findings"][0]["line_number"] == 2 and document["has_own_key"] is False
    assert "Nothing would be replaced" in shell.run("redact", "--test", "password = get_password()").stdout
    assert "REDACTED" in shell.run("redact", "--test", f"--token={GITHUB}").stdout
    write_key(shell.data)
    told = shell.run("redact", "--test", GITHUB).stdout
    assert present().redact_text(GITHUB) in told and "thrown away" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--check", "--rewrite"),
        ("--test", "x", "file.txt"),
        ("--check", "--dry-run"),
        ("--check", "--yes"),
        ("--rewrite", "--personal"),
        ("--test", "x", "--second-opinion"),
        ("--check", "--project", "p"),
    ],
)
def test_modes_do_not_mix(shell: Shell, arguments: tuple[str, ...]) -> None:
    assert "Usage:" in shell.run("redact", *arguments, code=2).stderr


def test_the_key_goes_to_another_machine(shell: Shell, tmp_path: Path) -> None:
    assert "no redaction key" in shell.run("redact", "--export-key", str(tmp_path / "key"), code=1).stderr
    write_key(shell.data)
    shell.run("redact", "--export-key", str(tmp_path / "key"))
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == PRIVATE_FILE
    assert "not overwritten" in shell.run("redact", "--export-key", str(tmp_path / "key"), code=1).stderr
    other = Shell(tmp_path / "other")
    assert "holds no redaction key" in other.run("redact", "--import-key", str(PRODUCT_ROOT / "LICENSE"), code=1).stderr
    assert not other.data.exists()
    other.run("redact", "--import-key", str(tmp_path / "key"))
    assert DataDir(other.data).redaction_key.read_text().strip() == KEY.hex()
    assert stat.S_IMODE(DataDir(other.data).redaction_key.stat().st_mode) == PRIVATE_FILE
    assert "has this key already" in other.run("redact", "--import-key", str(tmp_path / "key")).stdout
    # with another one, nothing is replaced unasked where something was archived
    (tmp_path / "second").write_text("ab" * 32)
    (other.data / "raw" / "p").mkdir(parents=True)
    (other.data / "raw" / "p" / "manifest.jsonl").write_text("")
    assert "--yes" in other.run("redact", "--import-key", str(tmp_path / "second"), code=1).stderr
    assert DataDir(other.data).redaction_key.read_text().strip() == KEY.hex()
    other.run("redact", "--import-key", str(tmp_path / "second"), "--yes")
    assert DataDir(other.data).redaction_key.read_text().strip() == "ab" * 32


class FakeFinding:
    def __init__(self, rule: str, start: int, end: int, line: int, visible: bool = True) -> None:
        self.rule_id, self.visible = rule, visible
        self.location = {"start_offset": start, "end_offset": end, "line": line}


class FakeScanner:
    """Finds what follows `odd=` and what looks like a token of ours."""

    def scan(self, data: bytes) -> list[FakeFinding]:
        found = [("odd", m) for m in re.finditer(rb"odd=\S+", data)]
        found += [("github", m) for m in re.finditer(GITHUB.encode(), data)]
        found += [("generic", m) for m in re.finditer(rb"[A-Z2-7]{16}(?=\])", data)]
        lines = [data.count(b"\n", 0, match.start()) + 1 for _, match in found]
        return [FakeFinding(rule, *match.span(), line) for (rule, match), line in zip(found, lines, strict=True)] + [
            FakeFinding("helper", 0, 1, 1, visible=False)
        ]


def test_a_second_opinion_is_compared(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text(f"{GITHUB}\n{AWS}\nodd=thing\n{present().redact_text(GITHUB)}\n")
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    told = shell.run("redact", "--check", "--second-opinion", str(tmp_path), code=2)
    assert told.stdout == "" and "pip install kingfisher-secret-scanner" in told.stderr
    module = types.ModuleType("kingfisher_sdk")
    module.Rules = lambda **_: None  # type: ignore[attr-defined]
    module.Scanner = lambda *_, **__: FakeScanner()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", module)
    document = shell.json("redact", "--check", "--second-opinion", str(tmp_path), code=1)
    sides = {side: [(h["line"], h["rule"]) for h in document[side]] for side in ("agreed", "only_ours", "only_theirs")}
    assert sides == {
        "agreed": [(1, "github_token = github")],
        "only_ours": [(2, "aws_access_key_id")],
        "only_theirs": [(3, "odd")],
    }
    told = shell.run("redact", "--check", "--second-opinion", str(tmp_path), code=1).stdout
    assert "only theirs: 1 finding" in told and GITHUB not in told and AWS not in told


def test_the_hook_of_the_documentation(tmp_path: Path) -> None:
    """The archive's own repository refuses a commit with a secret in it, as docs/commands.md says."""
    page = (PRODUCT_ROOT / "docs" / "commands.md").read_text()
    [hook] = re.findall(r"```sh\n(#!/bin/sh\n# \.git/hooks/pre-commit.*?)```", page, re.DOTALL)
    repository = tmp_path / "data with blanks"
    repository.mkdir()
    git(repository, "init", "--quiet")
    script = repository / ".git" / "hooks" / "pre-commit"
    script.write_text(
        hook.replace("/path/to/ope", str(PRODUCT_ROOT)).replace(".venv/bin/python", f"'{sys.executable}'")
    )
    script.chmod(0o700)
    (repository / "b\nc.jsonl").write_text(json.dumps({"k": GITHUB}) + "\n")
    git(repository, "add", ".")
    (repository / "b\nc.jsonl").write_text("{}\n")  # what is staged counts
    with pytest.raises(subprocess.CalledProcessError) as refused:
        git(repository, "commit", "--quiet", "-m", "Not fine")
    told = refused.value.stdout + refused.value.stderr
    assert b"github_token" in told and GITHUB.encode() not in told
    [entry] = re.findall(r"^ +entry: (.+)$", page, re.MULTILINE)
    entry = entry.replace("/path/to/ope/.venv/bin/python", sys.executable).replace("/path/to/ope", str(PRODUCT_ROOT))
    command = shlex.split(entry)  # as pre-commit does
    passed = subprocess.run([*command, "b\nc.jsonl"], cwd=repository, check=False, capture_output=True)
    assert passed.returncode == 0 and b"0 findings in 1 file" in passed.stdout


@pytest.fixture
def nights(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr(night, "build", small_build.build)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(shell.home))
    shell.make_repository()
    shell.write_session("s1")
    shell.run("add-project", "--name", "My App", "--repo", str(shell.repository))
    return shell


def test_the_night_says_what_it_committed_without_having_searched_it(nights: Shell) -> None:
    nights.run("init-data")
    DataDir(nights.data).notes("my-app").write_bytes("a note".encode("utf-16"))
    done = night.run_night(DataDir(nights.data), commit=True)
    assert done.committed.sha and [said for said in done.warnings if "NOTES.md (UTF-16 text" in said]


def test_the_night_looks_at_what_is_new_and_only_at_that(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDir(nights.data)
    first = night.run_night(data)
    assert (first.exit_code, first.checked.hits, first.checked.unread) == (0, [], [])
    [step] = [step for step in first.document["steps"] if step["step"] == "redaction"]
    assert step["counts"]["files"] == first.checked.files >= 1
    second = night.run_night(data)
    assert second.checked.files < first.checked.files
    # an archive that missed something: the night says so, and goes on
    monkeypatch.setattr("ingest.sync.load_redactor", lambda data: FakeRedactor())
    nights.write_session("s2").write_text(json.dumps({"k": GITHUB}) + "\n")
    third = night.run_night(data)
    assert [(hit.rule, hit.line) for hit in third.checked.hits] == [("github_token", 1)]
    assert third.exit_code == 0 and any("--rewrite" in said and "s2.jsonl, line 1" in said for said in third.warnings)
    assert GITHUB not in json.dumps(third.document, default=str)


class FakeRedactor:
    """One that finds nothing."""

    rules_version = "none"

    def redact_jsonl(self, data: bytes) -> tuple[bytes, list[object]]:
        return data, []

    redact_text_bytes = redact_jsonl

    def redact_text(self, text: str) -> str:
        return text


def test_a_secret_in_the_nights_own_report_is_replaced(nights: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(night, "clean_up", lambda *_: (_ for _ in ()).throw(night.IngestError(f"{GITHUB} is full")))
    done = night.run_night(DataDir(nights.data))
    assert new.REDACTED_REPORT in done.document["warnings"]
    assert GITHUB not in (done.outputs / "metadata.json").read_text()


def test_what_a_night_says_of_many_places() -> None:
    hits = [Hit(f"raw/p/{index}.jsonl", index, None, None, "password", 2) for index in range(5)]
    said = sentences(Checked(hits, [Unread(f"u{index}", "damaged") for index in range(5)]))
    assert len(said) == 5 and "10 secrets" in said[0] and "and 2 places more" in said[0] and "2 files more" in said[-1]
    assert sentences(Checked()) == []
