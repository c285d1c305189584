"""`low-confidence`: the links in doubt, a line each."""

from __future__ import annotations

import json
import stat

from ingest.labelling import take_sample
from ingest.low_confidence import write_low_confidence
from ingest.paths import DataDir
from tests.ingest.correlation_place import ONE, SECOND, TWO
from tests.ingest.shell import Shell
from tests.ingest.test_label import answer


def test_links_in_doubt_become_one_line_each(marts: DataDir) -> None:
    answer(take_sample(marts, "one"), "n", "n", "n")
    done = write_low_confidence(marts, lowest=0.2, highest=0.97)
    assert (done.links, done.labelled, done.path) == ({"one": 2}, 2, str(marts.low_confidence))
    lines = [json.loads(line) for line in marts.low_confidence.read_text().splitlines()]
    assert [(line["session_id"], line["commit_sha"], line["label"]) for line in lines] == [
        (SECOND, ONE, "not_linked"),
        (SECOND, TWO, "not_linked"),
    ]
    assert lines[0]["committed_at"] == "2026-01-02T12:00:00Z"
    assert lines[0]["evidence"][0] == {
        "evidence_kind": "files",
        "strength": 0.5,
        "contribution": 0.4,
        "detail": "files of it",
        "path": None,
        "log": f"raw/one/sessions/{SECOND}.jsonl",
        "line_number": 2,
    }
    assert lines[0]["missing"] == ["announced", "lines", "time", "trailer"]
    assert stat.S_IMODE(marts.low_confidence.stat().st_mode) == 0o600
    before = marts.low_confidence.read_bytes()
    write_low_confidence(marts, lowest=0.2, highest=0.97)
    assert marts.low_confidence.read_bytes() == before


def test_links_in_doubt_of_last_time_are_replaced(built: Shell) -> None:
    place = DataDir(built.data)
    assert "2 links in" in built.run("low-confidence").stdout
    assert built.json("low-confidence", "--from", "0.9", "--to", "1")["links"] == {"one": 1}
    assert "0 links in" in built.run("low-confidence", "--from", "0", "--to", "0.1").stdout
    assert place.low_confidence.read_bytes() == b""
    answer(take_sample(place, "one"), "n", "n", "n")
    assert "2 links of them labelled by people" in built.run("low-confidence").stdout
    for bounds in (("0.5", "0.5"), ("0.8", "0.2"), ("-1", "0.5"), ("0", "1.1"), ("nan", "0.5")):
        shown = built.run("low-confidence", "--from", bounds[0], "--to", bounds[1], code=1)
        assert "Nothing lies between" in shown.stderr
