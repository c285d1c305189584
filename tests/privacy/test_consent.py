"""Consent: nothing is shared without it, every decision stays, and a file that cannot be read allows nothing."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.privacy.consent import DISABLED, ENABLED, decide, read_consent, require_consent
from ingest.registry import save_projects
from tests.ingest.landing_place import project


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    save_projects(data, [project("one"), project("two")])
    return data


def test_nothing_is_configured_at_first(data: DataDir) -> None:
    assert read_consent(data).state == "not configured"
    with pytest.raises(IngestError, match=r"consent is not configured: look at .*--preview"):
        require_consent(data)


def test_every_decision_stays_with_who_when_and_what(data: DataDir) -> None:
    decide(data, ENABLED, "Ada", ["two", "one"])
    first = data.consent.read_bytes()
    assert decide(data, ENABLED, "Ada", ["one", "two"])[1] is False and data.consent.read_bytes() == first
    decide(data, DISABLED, "Bo")
    consent = read_consent(data)
    assert [(entry.state, entry.by, entry.projects) for entry in consent.history] == [
        ("enabled", "Ada", ("one", "two")),
        ("disabled", "Bo", ()),
    ]
    assert json.loads(data.consent.read_bytes())["history"][0] == json.loads(first)["history"][0]
    assert consent.state == "disabled" and "by Bo" in consent.sentence
    if os.name == "posix":
        assert stat.S_IMODE(data.consent.stat().st_mode) == 0o600
    runs = "".join(path.read_text() for path in data.runs.glob("*.jsonl"))
    assert runs.count('"step":"consent"') == 2 and "Ada" not in runs
    with pytest.raises(IngestError, match="consent is disabled"):
        require_consent(data)


def test_it_holds_for_the_projects_that_it_names(data: DataDir) -> None:
    decide(data, ENABLED, "Ada", ["one"])
    assert require_consent(data)[1] == ("one",) and require_consent(data, ["one"])[1] == ("one",)
    with pytest.raises(IngestError, match="holds for one and not for two"):
        require_consent(data, ["one", "two"])
    decide(data, ENABLED, "Ada")
    assert require_consent(data)[1] == () and require_consent(data, ["two"])[1] == ("two",)


@pytest.mark.parametrize(("by", "projects"), [("", []), ("a\nb", []), ("x" * 201, []), ("Ada", ["three"])])
def test_a_bad_decision_is_none(data: DataDir, by: str, projects: list[str]) -> None:
    with pytest.raises(IngestError):
        decide(data, ENABLED, by, projects)
    assert not data.consent.exists()


def history(**changed: object) -> bytes:
    decision = {"state": ENABLED, "at": "", "by": "Ada", "projects": [], "ope_version": ""} | changed
    return json.dumps({"consent_version": 1, "history": [decision]}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"consent_version": 2, "history": []}',
        b'{"consent_version": 1, "history": [{"state": "enabled"}]}',
        history(state="yes"),
        history(by=1),
        history(projects="one"),
    ],
)
def test_a_damaged_file_allows_nothing_and_is_kept(data: DataDir, content: bytes) -> None:
    data.consent.write_bytes(content)
    for attempt in (require_consent, read_consent, lambda place: decide(place, ENABLED, "Ada")):
        with pytest.raises(IngestError, match="nothing may be shared"):
            attempt(data)
    assert data.consent.read_bytes() == content


def test_a_link_in_its_place_is_not_followed(data: DataDir, tmp_path: Path) -> None:
    decide(data, ENABLED, "Ada")
    elsewhere = tmp_path / "elsewhere.json"
    data.consent.rename(elsewhere)
    data.consent.symlink_to(elsewhere)
    with pytest.raises(IngestError, match="nothing may be shared"):
        require_consent(data)


def test_the_command_shows_and_decides(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPE_DATA_DIR", str(data.root))
    run = CliRunner().invoke
    assert "not configured" in run(main, ["consent"]).output
    assert run(main, ["consent", "--by", "Ada"]).exit_code == 2
    assert "one: enabled by Ada" in run(main, ["consent", "--enable", "--by", "Ada", "--scope", "one"]).output
    assert "decided already" in run(main, ["consent", "--enable", "--by", "Ada", "--scope", "one"]).output
    shown = json.loads(run(main, ["consent", "--disable", "--by", "Bo", "--json"]).output)
    assert shown["state"] == "disabled" and len(shown["history"]) == 2
    assert run(main, ["consent", "--enable", "--scope", "nowhere"]).exit_code == 1
