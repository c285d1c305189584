"""Landing: git-metadata.json and the log of runs → schema `raw`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest import landing_git
from ingest.paths import DataDir
from tests.ingest.landing_place import ask, commit, run, runs, token, write_history


def test_commits_are_replaced_when_the_file_changed(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing_git, "BATCH_BYTES", 1)
    write_history(data, [commit("a1"), commit("b2", message=f"key {token()} and {token('jwt')}")])
    assert run(data).commits == 2
    assert run(data, "run-2").commits == 0
    assert ask(data, "select distinct run_id from raw.commits") == [("run-1",)]

    write_history(data, [commit("a1"), commit("b2", files=[]), commit("c3", parents=["b2" * 20])])
    assert run(data, "run-3").commits == 3
    assert ask(data, "select left(commit_sha, 2), parents, is_reachable, is_boundary from raw.commits order by 1") == [
        ("a1", [], True, None),
        ("b2", [], True, None),
        ("c3", ["b2" * 20], True, None),
    ]
    assert ask(
        data, "select left(commit_sha, 2), file_index, added_line_hashes, removed_line_hashes from raw.commit_files"
    ) == [("a1", 1, ["0123456789abcdef"], None), ("c3", 1, ["0123456789abcdef"], None)]
    assert ask(data, "select count(*) from raw.redactions") == [(0,)]


def test_redactions_in_commits_and_bad_commits(data: DataDir) -> None:
    write_history(
        data,
        [
            commit("a1", message=f"key {token()} and {token('jwt')}"),
            {"no": "sha"},
            commit("b2", is_reachable="yes"),
            commit("a1"),
        ],
    )
    with data.git_metadata("one").open("a") as file:
        file.write("{broken\n")
    result = run(data)

    assert (result.commits, result.redactions, result.parse_errors) == (1, 2, 4)
    assert ask(data, "select path, line_number, rule_id from raw.redactions order by 3") == [
        ("git-metadata.json", 2, "aws_access_key"),
        ("git-metadata.json", 2, "jwt"),
    ]
    assert ask(data, "select line_number, reason from raw.parse_errors order by 1") == [
        (3, "malformed commit"),
        (4, "malformed commit"),
        (5, "commit given twice"),
        (7, "malformed commit"),
    ]
    assert run(data, "run-2").parse_errors == 4


def test_run_records_are_landed_once(data: DataDir) -> None:
    runs(data, "2026-01", [{"step": "a"}])
    (data.runs / "predictions.jsonl").write_text('{"something": "else"}\n')
    run(data)
    runs(data, "2026-01", [{"step": "a"}, {"step": "b", "status": "failed", "error": "x"}])
    with (data.runs / "2026-01.jsonl").open("a") as file:
        file.write('{"half a record": ')
    run(data)
    run(data)

    assert ask(data, "select run_id, step, status, counts, bytes, error from raw.ingest_runs order by 1") == [
        ("r0", "a", "ok", '{"lines":3}', 4, None),
        ("r1", "b", "failed", '{"lines":3}', 4, "x"),
    ]

    runs(data, "2026-01", [{"step": "c"}])
    runs(data, "2026-02", [{"step": "d"}])
    run(data)
    assert ask(data, "select step from raw.ingest_runs order by 1") == [("c",), ("d",)]


@pytest.mark.skipif(not os.environ.get("OPE_CORPUS_DIR"), reason="OPE_CORPUS_DIR names no real data")
def test_the_real_history(data: DataDir) -> None:
    source = Path(os.environ["OPE_CORPUS_DIR"]) / "entire-cli" / "git-metadata.json"
    data.processed("one").mkdir(parents=True)
    data.git_metadata("one").write_bytes(source.read_bytes())
    result = run(data)
    assert (result.commits, result.parse_errors) == (1640, 0)
    assert ask(data, "select count(*) from raw.commits where len(parents) > 1") == [(381,)]
