"""Landing: the database file itself, and what happens when it or the disk refuses."""

from __future__ import annotations

import os
import random
import resource
import stat
import subprocess
import sys

import pytest

from ingest.database import opened
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from tests.ingest.landing_place import TABLES, archive, ask, lines, run


def test_the_database_is_private_compressed_and_accepted_by_dbt(data: DataDir) -> None:
    # Enough lines to fill a row group: compression is chosen when one is written out.
    archive(data, "a.jsonl", lines(*({"n": index, "text": "a word or two " * 20} for index in range(5_000))))
    run(data)

    assert stat.S_IMODE(data.database.stat().st_mode) == 0o600
    kinds = ask(
        data,
        "select distinct compression from pragma_storage_info('raw.session_lines') "
        "where column_name = 'line' and segment_type = 'VARCHAR'",
    )
    assert {str(kind[0]).lower() for kind in kinds} == {"zstd"}


def test_a_locked_database_is_one_sentence(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.database.setting", lambda _: 0)
    run(data)
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(data.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout and holder.stdout.readline() == b"open\n"
        archive(data, "a.jsonl", lines({"n": 1}))
        with pytest.raises(IngestError) as caught:
            run(data, "run-2")
    finally:
        holder.communicate()
    message = str(caught.value)
    assert str(data.database) in message and str(holder.pid) in message and "\n" not in message
    assert run(data, "run-2").lines == 1


@pytest.mark.parametrize("junk", [b"", b"hello", b"hello" * 10_000])
def test_a_file_that_is_no_database_is_one_sentence(data: DataDir, junk: bytes) -> None:
    data.database.write_bytes(junk)
    with pytest.raises(IngestError, match="not a database") as caught:
        run(data)
    assert str(data.database) in str(caught.value)
    assert data.database.read_bytes() == junk


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(data: DataDir) -> None:
    random.seed(2)
    archive(data, "a.jsonl", lines(*({"n": random.randbytes(400).hex()} for _ in range(6_000))))
    run_with_limit = (
        "import resource, sys; from pathlib import Path\n"
        "from ingest.errors import IngestError; from ingest.landing import land\n"
        "from ingest.paths import DataDir; from ingest.registry import load_projects\n"
        "data = DataDir(Path(sys.argv[1])); resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "try:\n    land(data, load_projects(data), 'full')\n"
        "except IngestError as error:\n    print(error); sys.exit(7)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run(
        [sys.executable, "-c", run_with_limit, str(data.root)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PRODUCT_ROOT)},
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert str(data.database) in done.stdout and len(done.stdout.splitlines()) == 1

    assert run(data, "run-2").lines == 6_000
    assert ask(data, "select count(*), count(distinct line_number) from raw.session_lines") == [(6_000, 6_000)]


def test_progress_counts_bytes(data: DataDir) -> None:
    archive(data, "a.jsonl", lines({"n": 1}))
    archive(data, "b.jsonl", lines({"n": 2}))
    seen: list[tuple[int, int]] = []
    run(data, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (18, 18)


def test_many_files_in_one_batch_keep_their_numbers(data: DataDir) -> None:
    for number in range(50):
        archive(data, f"s{number:02}.jsonl", lines(*({"f": number, "l": line} for line in range(1, number + 1))))
    run(data)
    assert ask(
        data,
        "select count(*) from raw.session_lines l join raw.session_files f using (file_id) "
        "where (line->>'f')::int <> substr(session_id, 2)::int or (line->>'l')::int <> line_number",
    ) == [(0,)]
    assert ask(data, "select count(*) from raw.session_lines") == [(49 * 50 // 2,)]


def test_the_ddl_is_the_macro_that_dbt_runs(data: DataDir) -> None:
    with opened(data) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables where table_schema = 'raw' order by 1"
        ).fetchall()
    assert {row[0] for row in tables} >= set(TABLES)
