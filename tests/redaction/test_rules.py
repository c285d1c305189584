"""The key of the redaction tokens, and the file of rules: read, checked, refused."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.redaction import DEFAULT_RULES, Redactor, load_or_create_key
from ingest.redaction.rules import COLUMNS, expand_example, read_rules

KEY = bytes(range(32))
RULES = read_rules(DEFAULT_RULES)
GITHUB = "gh" + "p_" + expand_example("{{alnum:36}}", 1)[0]


def test_key_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "deep" / ".redaction_key"
    key = load_or_create_key(path)
    assert len(key) == 32 and path.read_text().strip() == key.hex()
    assert load_or_create_key(path) == key
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o644)
        load_or_create_key(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 32, b"0" * 63, b"0" * 65])
def test_a_bad_key_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(IngestError, match="backup"):
        load_or_create_key(path)
    assert path.read_bytes() == content


def test_a_directory_in_place_of_the_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError):
        load_or_create_key(tmp_path)


def _rule_file(tmp_path: Path, **change: str) -> Path:
    row = dict.fromkeys(COLUMNS, "") | {
        "rule_id": "one", "class": "secret",
        "kind": "token", "pattern": "(?P<secret>zq[0-9]{8})", "prefilter": "zq", "min_length": "0",
    }  # fmt: skip
    path = tmp_path / "rules.csv"
    cells = [f'"{value}"' for value in (row | change).values()]
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(cells) + "\n", encoding="utf-8")
    return path


def test_rules_are_data(tmp_path: Path) -> None:
    redactor = Redactor.load(KEY, _rule_file(tmp_path))
    assert redactor.redact_text("a zq12345678 b").startswith("a [REDACTED:one:")
    assert redactor.redact_text(GITHUB) == GITHUB
    assert redactor.rules_version != Redactor(RULES, KEY).rules_version
    described = Redactor.load(KEY, _rule_file(tmp_path, description="other words"))
    assert described.rules_version == redactor.rules_version


@pytest.mark.parametrize(
    "change",
    [
        {"pattern": "(?P<secret>["},
        {"pattern": "no group"},
        {"pattern": "(?P<secret>a)(?=b)"},
        {"prefilter": ""},
        {"kind": "other"},
        {"class": "other"},
        {"class": ""},
        {"rule_id": "Bad Name"},
        {"min_length": "some"},
        {"check_level": "sometimes"},
        {"kind": "syntax"},
    ],
)
def test_bad_rules_are_refused_with_line_and_name(tmp_path: Path, change: dict[str, str]) -> None:
    with pytest.raises(IngestError, match=r"rules\.csv, line 2"):
        Redactor.load(KEY, _rule_file(tmp_path, **change))


def test_missing_rules_and_short_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="restore"):
        Redactor.load(KEY, tmp_path / "none.csv")
    with pytest.raises(IngestError, match="32 bytes"):
        Redactor(RULES, b"short")


def test_rule_file_itself_holds_no_secret() -> None:
    for path in (DEFAULT_RULES, *Path(__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(
            r"(?:AKIA|ASIA)[0-9A-Z]{16}(?<!EXAMPLE)|gh[pousr]_[0-9A-Za-z]{36}|sk_live_[0-9A-Za-z]{20}", text
        )
        assert "-" * 5 + "BEGIN" not in text
