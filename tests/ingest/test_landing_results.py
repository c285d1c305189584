"""Tokens in what lies beside a transcript: landed once, again where the file is another, gone with it."""

from __future__ import annotations

import pytest

from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from tests.ingest.landing_place import archive, ask, lines, run, token

RESULT = "a/tool-results/r.txt"


@pytest.fixture
def data(data: DataDir) -> DataDir:
    """The project has a transcript."""
    archive(data, "a.jsonl", lines({"n": 1}))
    return data


def result(data: DataDir, content: bytes, **changes: object) -> ManifestEntry:
    return archive(data, RESULT, content, kind="sidecar", **changes)


def tokens(data: DataDir) -> list[tuple[object, ...]]:
    return ask(data, "select path, file_id, line_number, rule_id, token, run_id from raw.redactions order by 3")


def test_each_token_has_a_row_and_an_unchanged_file_is_left_alone(data: DataDir) -> None:
    result(data, f"first {token()}\nnothing\n{token()} {token()}\n".encode())
    archive(data, "a.meta.json", f'{{"d": "{token()}"}}'.encode(), kind="sidecar")  # its text is landed itself
    assert run(data).redactions == 3
    row = (f"sessions/{RESULT}", None)
    expected = [(*row, line, "aws_access_key", token(), "run-1") for line in (1, 3, 3)]
    assert tokens(data) == expected
    assert run(data, "run-2").redactions == 0
    assert tokens(data) == expected


def test_a_changed_file_is_read_again_and_one_that_is_gone_leaves_nothing(data: DataDir) -> None:
    result(data, f"{token()}\n".encode())
    run(data)
    entry = result(data, f"\n{token()}\n".encode())
    assert run(data, "run-2").redactions == 1
    assert [row[2:] for row in tokens(data)] == [(2, "aws_access_key", token(), "run-2")]
    assert ask(data, "select path from raw.landed_files where path like 'sessions/%'") == [(entry.path,)]
    result(data, f"\n{token()}\n".encode(), cold="2026-01.parquet")
    run(data, "run-3")
    assert tokens(data) == []
    assert ask(data, "select path from raw.landed_files where path like 'sessions/%'") == []


def test_what_cannot_be_read_is_a_problem_and_keeps_its_rows(data: DataDir) -> None:
    result(data, f"{token()}\n".encode())
    run(data)
    entry = result(data, b"another\n")
    (data.raw("one") / entry.path).unlink()
    run(data, "run-2")
    assert len(tokens(data)) == 1
    [(path, reason)] = ask(data, "select path, reason from raw.parse_errors")
    assert (path, reason) == (entry.path, "archived file cannot be read")
