"""The check finds what the engine finds, wherever it lies; it shows no value, writes nothing, says what it skips."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import zipfile
from dataclasses import asdict
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.cold.lines import SCHEMA
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.privacy import reading
from ingest.privacy.check import Checked, Hit, check_data, check_paths
from ingest.redaction import DEFAULT_RULES
from tests.privacy.secrets_made import AWS, GITHUB, KEY, STRIPE, present

RECORD = json.dumps({"message": {"content": f"use {GITHUB}"}}) + "\n"
QUIET = json.dumps({"uuid": "0" * 8, "sha": "ab" * 20}) + "\n"


def check(*paths: Path, below: Path | None = None) -> Checked:
    checked = check_paths(paths, present(), below=below)
    assert not any(secret in repr(asdict(checked)) for secret in (GITHUB, AWS, STRIPE))
    return checked


def places(checked: Checked) -> list[tuple[str, int | None, str]]:
    return [(hit.path, hit.line, hit.rule) for hit in checked.hits]


def test_every_kind_of_file_is_read(tmp_path: Path) -> None:
    text = f"one\n\nexport T={GITHUB}\n".encode()
    history = '{"commits":[\n' + QUIET.strip() + ",\n" + RECORD.strip() + "\n]}\n"
    files = {
        "a.jsonl": (QUIET + RECORD).encode(),
        "b.json": json.dumps({"a": [1, {"b": GITHUB}]}, indent=1).encode(),
        "c.txt": text,
        "git-metadata.json": history.encode(),
        "d.jsonl.gz": gzip.compress((QUIET + RECORD).encode()),
        "e.bz2": bz2.compress(text),
        "f.xz": lzma.compress(text),
        "g.zst": pa.compress(text, "zstd", asbytes=True),
        "h.bin": b"\0\xff" + text,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
        archive.writestr("in/side.jsonl", QUIET * 3 + RECORD)
        archive.writestr("packed.gz", gzip.compress(text))
    checked = check(tmp_path, below=tmp_path)
    assert places(checked) == [
        (name, line, "github_token")
        for name, line in (
            *(("a.jsonl", 2), ("b.json", 5), ("c.txt", 3), ("d.jsonl.gz", 2), ("e.bz2", 3), ("f.xz", 3), ("g.zst", 3)),
            *(("git-metadata.json", 3), ("h.bin", 3), ("i.zip!in/side.jsonl", 4), ("i.zip!packed.gz", 3)),
        )
    ]
    assert (checked.files, checked.unread, checked.exit_code) == (10, [], 1)


def test_lines_are_counted_over_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_BYTES", 150)
    monkeypatch.setattr(reading, "MAX_LINE_BYTES", 450)
    monkeypatch.setattr(reading, "OVERLAP_BYTES", 60)
    (tmp_path / "a.jsonl").write_text(QUIET * 40 + RECORD + QUIET * 9 + RECORD)
    (tmp_path / "b.txt").write_text("short\n" * 70 + f"{GITHUB} and\n" + "x " * 3000 + f"{AWS}\nlast {GITHUB}\n")
    assert places(check(tmp_path, below=tmp_path)) == [
        *(("a.jsonl", 41, "github_token"), ("a.jsonl", 51, "github_token")),
        *(("b.txt", 71, "github_token"), ("b.txt", 72, "aws_access_key_id"), ("b.txt", 73, "github_token")),
    ]
    lines = (tmp_path / "a.jsonl").read_bytes()
    pieces = [piece.raw for piece in reading.plain_pieces(io.BytesIO(lines), "a.jsonl")]
    assert len(pieces) > 5 and b"".join(pieces) == lines


def test_every_text_of_every_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a*[1].db"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema more")
        connection.execute("create table more.t (n int, v varchar, l varchar[], s struct(a varchar, b int), b blob)")
        connection.execute("create type mood as enum ('fine', 'well')")
        connection.execute("create table hashes as select md5(range::varchar) as h, 'fine'::mood as m from range(5000)")
        connection.execute("create view shown as select * from more.t")
        for row in ([1, None, None, None, None], [2, f"a\n{GITHUB}", [AWS, "x", AWS], {"a": STRIPE, "b": 1}, None]):
            connection.execute("insert into more.t values (?, ?, ?, ?, ?)", row)
        connection.execute("insert into more.t (n, b) values (3, ?)", [f"\n{GITHUB} {AWS}\n".encode()])
    pq.write_table(pa.table({"n": [1, 2], "t": [None, json.dumps({"k": GITHUB})]}), tmp_path / "b?.parquet")
    row = {"root_session_id": "s", "session_id": "s", "path": "p", "line_number": 1, "content": RECORD.encode()}
    pq.write_table(pa.Table.from_pylist([row, row], SCHEMA), tmp_path / "cold.parquet")
    checked = check(tmp_path, below=tmp_path)
    assert [(hit.path, hit.table, hit.column, hit.rule, hit.count) for hit in checked.hits] == [
        ("a*[1].db", "more.t", "b", "aws_access_key_id", 1),
        ("a*[1].db", "more.t", "b", "github_token", 1),
        ("a*[1].db", "more.t", "l", "aws_access_key_id", 2),
        ("a*[1].db", "more.t", "s", "stripe_key", 1),
        ("a*[1].db", "more.t", "v", "github_token", 1),
        ("b?.parquet", None, "t", "github_token", 1),
        ("cold.parquet", None, "content", "github_token", 2),
    ]
    assert all(hit.line is None for hit in checked.hits)


def test_what_the_engine_wrote_and_what_only_looks_odd_is_no_finding(tmp_path: Path) -> None:
    redacted = present().redact_jsonl(RECORD.encode())[0] + present().redact_text(f"password = {GITHUB}\n").encode()
    (tmp_path / "redacted.jsonl").write_bytes(redacted)
    manifest = {"content_hash": KEY.hex(), "source_hash": "", "rules_version": "0123456789ab", "path": "a/b.jsonl"}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(manifest) + "\n")
    (tmp_path / ".redaction_key").write_text(KEY.hex() + "\n")
    checked = check(tmp_path)
    assert b"[REDACTED:" in redacted and (checked.files, checked.hits, checked.exit_code) == (3, [], 0)


def test_nothing_is_passed_over_in_silence(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / ".git").mkdir(parents=True)
    (inside / ".git" / "config").write_text(GITHUB)
    (tmp_path / "elsewhere.txt").write_text(GITHUB)
    (inside / "file.txt").write_text("fine")
    (inside / "to file").symlink_to(inside / "file.txt")
    (inside / "to nothing").symlink_to("nowhere")
    (inside / "out").symlink_to(tmp_path / "elsewhere.txt")
    os.mkfifo(inside / "pipe")
    (inside / "broken.gz").write_bytes(gzip.compress(os.urandom(3000))[:-900])
    (inside / "wide.txt").write_text("wide", encoding="utf-16")
    (inside / "broken.db").write_bytes(b"12345678DUCK" + bytes(5000))
    (inside / "broken.parquet").write_bytes(b"PAR1" + bytes(50))
    with zipfile.ZipFile(inside / "deep.zip", "w") as archive:
        archive.writestr("table.parquet", b"PAR1" + bytes(50))
    checked = check(inside, tmp_path / "missing", inside / "to file", below=inside)
    assert (checked.links, checked.special, checked.repositories, checked.files) == (3, 1, 1, 6)
    assert {item.path for item in checked.unread} == {
        *("broken.gz", "broken.db", "broken.parquet", "deep.zip", "out", "to file", "wide.txt"),
        str(tmp_path / "missing"),
    }
    assert all(item.reason for item in checked.unread)
    assert (checked.hits, checked.exit_code) == ([], 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "closed.txt").write_text("x")
    (tmp_path / "closed.txt").chmod(0)
    assert [item.path for item in check(tmp_path, below=tmp_path).unread] == ["closed.txt"]


def test_a_database_that_is_being_written_is_named(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "a.db")) as connection:
        connection.execute("create table t as select 1 as n")
        checked = check(tmp_path / "a.db")
    assert checked.exit_code == 2 and checked.unread[0].path == str(tmp_path / "a.db")


def test_names_are_read_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / f"{GITHUB}.txt").write_text(f"{AWS}\n")
    checked = check(tmp_path, below=tmp_path)
    name = present().redact_text(f"{GITHUB}.txt")
    assert checked.hits == [Hit(name, 0, None, None, "github_token"), Hit(name, 1, None, None, "aws_access_key_id")]


def test_the_whole_data_directory(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    for place in (
        "raw/p/sessions/x",
        "processed/p",
        "validation/p",
        "archived",
        "runs",
        "logs",
        "outputs/run_1",
        "mine",
    ):
        (data.root / place).mkdir(parents=True)
        (data.root / place / "found.txt").write_text(GITHUB)
    data.registry.write_text(json.dumps({"notes": GITHUB}))
    (data.root / ".git").mkdir()
    before = {path: path.stat().st_mtime_ns for path in data.root.rglob("*")}
    checked = check_data(data, present())
    assert (len(checked.hits), checked.left_out, checked.repositories) == (8, ["mine"], 1)
    assert {path: path.stat().st_mtime_ns for path in data.root.rglob("*")} == before
    with pytest.raises(IngestError, match="cannot be read"):
        check_data(DataDir(tmp_path / "none"), present())


def test_the_rules_own_examples_are_no_finding(tmp_path: Path) -> None:
    """As they stand in the seed's table, in a database and in a snapshot; a secret beside them is one."""
    place = tmp_path / "place"
    place.mkdir()
    with duckdb.connect(str(place / "marts.db")) as connection:
        connection.execute(
            f"create schema reference; create table reference.redaction_rules as from read_csv('{DEFAULT_RULES}')"
        )
        connection.execute(f"copy reference.redaction_rules to '{place / 'redaction_rules.parquet'}' (format parquet)")
    assert check(place).hits == []
    with duckdb.connect(str(place / "marts.db")) as connection:
        connection.execute("update reference.redaction_rules set description = ? where rule_id = 'jwt'", [GITHUB])
    assert [hit.column for hit in check(place).hits] == ["description"]
