"""`forget` as a person gives it: it shows, asks for the id, and says what it cannot reach."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from ingest.cli import main
from ingest.forgetting import forget as steps
from tests.forgetting.forget_place import GONE, ForgetPlace, found_in


def run(place: ForgetPlace, *arguments: str, typed: str | None = None, code: int = 0) -> Result:
    done = CliRunner(env={"OPE_DATA_DIR": str(place.data.root)}).invoke(main, ["forget", *arguments], input=typed)
    assert done.exit_code == code, done.output
    return done


def test_it_shows_asks_and_forgets(place: ForgetPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.data.root / ".git").mkdir()
    shown = run(place, GONE[:8], "--dry-run").stdout
    assert f"session {GONE} (with its subagents) would be forgotten" in shown and "This was a dry run." in shown
    assert "git filter-repo --invert-paths" in shown and "in session fork-a too" in shown
    told = json.loads(run(place, GONE, "--dry-run", "--json").stdout)
    assert told["target"]["roots"] == [GONE] and told["done"] is None and told["counts"]["sessions"] == 1
    refused = run(place, GONE[:8], typed="yes\n", code=1)
    assert "That is another id: nothing was forgotten." in refused.stderr
    assert GONE in place.landed()

    monkeypatch.setattr(steps, "forget_built", lambda *_, **__: 1 / 0)
    assert isinstance(
        CliRunner(env={"OPE_DATA_DIR": str(place.data.root)}).invoke(main, ["forget", GONE, "--yes"]).exception,
        ZeroDivisionError,
    )
    monkeypatch.undo()
    assert "It is forgotten. → dbt build" in run(place, GONE[:8], "--yes").stdout  # what was begun is finished
    assert found_in(place.data, [GONE]) == []
    gone = run(place, GONE, "--yes", code=1)
    assert "was forgotten already" in gone.stderr and GONE not in gone.stderr
    assert found_in(place.data, [GONE]) == []
    assert "nothing with this id was forgotten" in run(place, "new", "--undo", code=1).stderr.lower()
    assert json.loads(run(place, GONE, "--undo", "--json").stdout) == {"taken_back": ["session"]}


def test_what_others_say_of_it_is_named(place: ForgetPlace) -> None:
    place.write("new.jsonl", json.dumps({"uuid": "n1", "forkedFrom": {"sessionId": GONE}}).encode() + b"\n", age=9000)
    place.night()
    shown = run(place, GONE, typed=f"{GONE}\n").stdout
    assert "Lines of other sessions that name its id: 1" in shown
    assert "Its id stands still in what belongs to others" in shown and "ope.db: raw.session_lines: 1" in shown
    place.write("twin-a.jsonl", b"{}\n")
    place.write("twin-b.jsonl", b"{}\n")
    assert "More than one session's id begins so: twin-a, twin-b" in run(place, "twin", code=1).stderr
