"""A history that somebody else wrote, in any shape and with any mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ingest.errors import IngestError
from ingest.git_history import import_history
from ingest.instrumentation import instrumentation_tier, session_ids, session_trailer_keys
from ingest.redaction import Redactor
from tests.ingest.git_tools import SECRET, TOKEN, FakeRedactor, load

SHA = [f"{n:040x}" for n in range(1, 20)]


@pytest.fixture
def source(tmp_path):
    return tmp_path / "given.json"


def commit(sha, **values):
    return {
        "sha": sha,
        "parents": [],
        "author_name": "Ada",
        "author_email": "ada@example.com",
        "authored_at": "2026-02-01T10:00:00+02:00",
        "committer_name": "Ada",
        "committer_email": "ada@example.com",
        "committed_at": "2026-02-01T10:00:00+02:00",
        "message": "a message, with {braces}, [brackets] and\nlines",
        "files": [],
        **values,
    }


COMMITS = [commit(sha) for sha in SHA[:3]]
LINES = [json.dumps(one, separators=(",", ":")) for one in COMMITS]
SHAPES = {
    "ours": '{"commits":[\n' + ",\n".join(LINES) + "\n]}\n",
    "one line": json.dumps({"commits": COMMITS}),
    "pretty": json.dumps({"commits": COMMITS}, indent=2),
    "other keys": json.dumps({"version": [1, {"a": "]"}], "commits": COMMITS, "end": 1}, indent=1),
    "list": json.dumps(COMMITS),
    "pretty list": json.dumps(COMMITS, indent=4),
    "json lines": "\n".join(LINES) + "\n",
    "pretty side by side": "\n".join(json.dumps(one, indent=1) for one in COMMITS),
    "byte order mark": "\ufeff" + json.dumps({"commits": COMMITS}),
    "windows": '{"commits":[\r\n' + ",\r\n".join(LINES) + "\r\n]}\r\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("characters", [1 << 20, 7])
def test_every_shape_gives_the_same_file(source, output, shape, characters, monkeypatch):
    monkeypatch.setattr("ingest.json_stream.READ_CHARACTERS", characters)
    source.write_text(SHAPES[shape], encoding="utf-8", newline="")
    result = import_history(source, output, FakeRedactor())
    assert (result.commits, result.new_commits, result.problems) == (3, 3, [])
    assert output.read_text() == SHAPES["ours"]


@pytest.mark.parametrize("shape", ['{"commits":[\n]}\n', '{"commits":[]}', "[]", '{"commits": [\n  ]\n}', ""])
def test_no_commits(source, output, shape):
    source.write_text(shape)
    assert import_history(source, output, FakeRedactor()).commits == 0
    assert json.loads(output.read_bytes()) == {"commits": []}
    assert instrumentation_tier(output) is None


def test_the_keys_of_the_specification(source, output):
    spelled = [
        {
            "sha": SHA[0].upper(),
            "author": "Ada <ada@example.com>",
            "timestamp": "2026-02-01T10:00:00Z",
            "files": ["a", "b"],
        },
        {"sha": SHA[1], "author": {"name": "Bo", "email": "bo@example.com"}, "timestamp": 1770000000, "message": "m"},
        {"sha": SHA[2], "author": "Cy", "timestamp": "2026-02-01", "files": [{"path": "c", "status": "R090"}]},
    ]
    # The hash is upper case: the same commit all the same.
    source.write_text(json.dumps({"commits": spelled}))
    assert import_history(source, output, FakeRedactor()).problems == []
    first, second, third = (load(output)[sha] for sha in SHA[:3])
    assert (first["author_name"], first["author_email"]) == ("Ada", "ada@example.com")
    assert first["authored_at"] == first["committed_at"] == "2026-02-01T10:00:00Z"
    assert [(file["path"], file["insertions"], file["added_line_hashes"]) for file in first["files"]] == [
        ("a", None, None),
        ("b", None, None),
    ]
    assert (second["author_name"], second["author_email"]) == ("Bo", "bo@example.com")
    assert second["committed_at"] == "2026-02-02T02:40:00+00:00"
    assert (third["author_name"], third["author_email"], third["files"][0]["status"]) == ("Cy", None, "renamed")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-02-01T10:00:00+02:00", "2026-02-01T10:00:00+02:00"),
        ("2026-02-01T10:00:00.125Z", "2026-02-01T10:00:00.125Z"),
        ("2026-02-01 10:00:00 -0630", "2026-02-01T10:00:00-06:30"),
        ("2026-02-01T10:00:00+0200", "2026-02-01T10:00:00+02:00"),
        ("2026-02-01T10:00:00", "2026-02-01T10:00:00+00:00"),
        (" 2026-02-01 ", "2026-02-01T00:00:00+00:00"),
        (1770000000.5, "2026-02-02T02:40:00.500000+00:00"),
    ],
)
def test_times_in_other_spellings(source, output, written, kept):
    source.write_text(json.dumps([commit(SHA[0], authored_at=written)]))
    assert import_history(source, output, FakeRedactor()).problems == []
    assert load(output)[SHA[0]]["authored_at"] == kept


def test_mistakes_cost_what_they_touch(source, output):
    lines = [
        json.dumps(commit(SHA[0])),
        json.dumps(commit("abc")),
        '{"sha": "' + SHA[1],
        "17",
        json.dumps(commit(SHA[2], authored_at="soon", committed_at="later")),
        json.dumps(commit(SHA[3], parents=[SHA[0], "x"], files=[{"status": "added"}, 5, "kept"])),
        json.dumps(commit(SHA[4], files=[{"path": "a", "insertions": -1, "added_line_hashes": ["0" * 16, "z"]}])),
        json.dumps(commit(SHA[5], files={"a": 1}, parents="x")),
        json.dumps(commit(SHA[0], message="again")),
        json.dumps(commit(SHA[6], message="half \ud83d a face \0")),
    ]
    source.write_text('{"commits":[\n' + ",\n".join(lines) + "\n]}\n")
    result = import_history(source, output, FakeRedactor())
    commits = load(output)
    assert set(commits) == {SHA[n] for n in (0, 2, 3, 4, 5, 6)}
    assert sorted((problem.line_number, problem.reason) for problem in result.problems) == [
        (3, "commit without a hash"),
        (4, "malformed commit"),
        (5, "malformed commit"),
        (6, "commit without a time"),
        (6, "unreadable time"),
        (6, "unreadable time"),
        (7, "malformed files"),
        (7, "malformed parents"),
        (8, "malformed count"),
        (8, "malformed fingerprints"),
        (9, "malformed files"),
        (9, "malformed parents"),
        (10, "commit given twice"),
    ]
    assert commits[SHA[0]]["message"] != "again"
    assert commits[SHA[3]]["parents"] == [SHA[0]]
    assert [file["path"] for file in commits[SHA[3]]["files"]] == ["kept"]
    assert commits[SHA[4]]["files"][0]["added_line_hashes"] == ["0" * 16]
    assert commits[SHA[6]]["message"] == "half \ufffd a face \ufffd"
    # The run after it says the same without reading again.
    assert sorted(import_history(source, output, FakeRedactor()).problems, key=str) == sorted(result.problems, key=str)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("added", "added"),
        ("Modified", "modified"),
        ("M", "modified"),
        ("R090", "renamed"),
        ("type_changed", "type_changed"),
        (None, None),
        ("unknown", "problem"),
        ("Mystery", "problem"),
        ("X", "problem"),
        ("", "problem"),
        ("\ud83d", "problem"),
        (3, "problem"),
        (["added"], "problem"),
    ],
)
def test_only_known_words_are_a_file_status(source, output, written, kept):
    source.write_text(json.dumps([commit(SHA[0], files=[{"path": "a", "status": written}])]))
    result = import_history(source, output, FakeRedactor())
    is_problem = kept == "problem"
    assert load(output)[SHA[0]]["files"][0]["status"] == (None if is_problem else kept)
    assert [problem.reason for problem in result.problems] == ["unknown file status"] * is_problem


@pytest.mark.parametrize(
    ("counts", "kept", "problems"),
    [
        ({"insertions": 3, "deletions": 0}, (3, 0), 0),
        ({"insertions": None, "deletions": None}, (None, None), 0),
        ({}, (None, None), 0),
        ({"insertions": 3}, (None, None), 1),
        ({"insertions": None, "deletions": 2}, (None, None), 1),
        ({"insertions": 3, "deletions": -1}, (None, None), 1),
        ({"insertions": "3", "deletions": 1}, (None, None), 1),
        ({"insertions": 1.5, "deletions": True}, (None, None), 1),
        ({"insertions": 1 << 62, "deletions": 1}, (None, None), 1),
    ],
)
def test_a_count_of_lines_is_given_with_the_other_or_not_at_all(source, output, counts, kept, problems):
    source.write_text(json.dumps([commit(SHA[0], files=[{"path": "a", **counts}])]))
    result = import_history(source, output, FakeRedactor())
    file = load(output)[SHA[0]]["files"][0]
    assert (file["insertions"], file["deletions"]) == kept
    assert [problem.reason for problem in result.problems] == ["malformed count"] * problems


def test_a_file_that_breaks_off_keeps_what_came_before(source, output):
    source.write_text(json.dumps({"commits": COMMITS}, indent=1)[:-100])
    result = import_history(source, output, FakeRedactor())
    assert result.commits == 2
    assert [problem.reason for problem in result.problems] == ["malformed commit"]


@pytest.mark.parametrize("content", ["not json at all", '{"commits": {"a": 1}}', "[[[[", '{"some": "thing"}', "\0\0\0"])
def test_what_is_no_history_is_refused_in_one_sentence(source, output, content):
    source.write_text(json.dumps(COMMITS[0]))
    import_history(source, output, FakeRedactor())
    before = output.read_bytes()
    source.write_text(content)
    with pytest.raises(IngestError) as caught:
        import_history(source, output, FakeRedactor())
    assert "\n" not in str(caught.value)
    assert output.read_bytes() == before


def test_a_missing_source(source, output):
    with pytest.raises(IngestError, match="cannot be read"):
        import_history(source, output, FakeRedactor())


def test_importing_again(source, output):
    source.write_text(json.dumps(COMMITS[:2]))
    import_history(source, output, FakeRedactor())
    before = output.stat().st_mtime_ns
    assert import_history(source, output, FakeRedactor()).new_commits == 0
    os.utime(source)
    assert import_history(source, output, FakeRedactor()).new_commits == 0
    assert output.stat().st_mtime_ns >= before
    source.write_text(json.dumps(COMMITS[1:]))
    result = import_history(source, output, FakeRedactor())
    assert (result.commits, result.new_commits, result.unreachable) == (3, 1, 1)
    assert load(output)[SHA[0]]["is_reachable"] is False
    source.write_text(json.dumps(COMMITS))
    assert import_history(source, output, FakeRedactor()).unreachable == 0


def test_secrets_are_replaced_everywhere(source, output):
    values = {key: f"{key} {SECRET}" for key in ("author_name", "author_email", "message", "source_ref")}
    files = [{"path": f"{SECRET}/a", "old_path": f"{SECRET}/b", "status": "renamed"}]
    source.write_text(json.dumps([commit(SHA[0], files=files, **values), commit(SHA[1], authored_at=SECRET)]))
    result = import_history(source, output, FakeRedactor())
    assert result.redactions == 6
    for path in output.parent.iterdir():
        assert SECRET not in path.read_text()
    assert load(output)[SHA[0]]["files"][0]["path"] == f"{TOKEN}/a"


REAL = {"entire-cli": (1640, 2, 0, 0), "ope": (482, 1, 477, 66), "file-prediction": (2719, 2, 0, 0)}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.skipif("OPE_CORPUS_DIR" not in os.environ, reason="OPE_CORPUS_DIR names no directory with real histories")
def test_real_histories_are_kept_to_the_byte(name, output):
    source = Path(os.environ["OPE_CORPUS_DIR"]) / name / "git-metadata.json"
    commits, tier, with_id, distinct = REAL[name]
    result = import_history(source, output, Redactor.load(b"k" * 32))
    assert (result.commits, result.redactions, result.problems) == (commits, 0, [])
    given, kept = (sorted(line.rstrip(b",\n") for line in path.read_bytes().splitlines()) for path in (source, output))
    assert given == kept
    assert instrumentation_tier(output) == tier
    keys = session_trailer_keys()
    named = [ids for one in load(output).values() if (ids := session_ids(one["message"], keys))]
    assert (len(named), len({found for ids in named for found in ids})) == (with_id, distinct)
