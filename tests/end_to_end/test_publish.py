"""`marts.db`: only what passed, always whole, and never in a reader's way."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.database import connect
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.publishing import publish as publishing
from ingest.publishing.compaction import compact
from ingest.publishing.gates import WithheldError
from ingest.publishing.publish import publish
from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow

# Holds the database open until its standard input ends.
HOLDS = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.fixture
def data(sample_warehouse: Warehouse, tmp_path: Path) -> DataDir:
    """A built warehouse that was never published."""
    root = tmp_path / "data"
    root.mkdir()
    for name in ("ope.db", "projects.json"):
        shutil.copy2(sample_warehouse.data / name, root)
    return DataDir(root)


@pytest.fixture
def small(data: DataDir) -> DataDir:
    """The same with a handful of nodes, which is published in no time."""
    kept = "'projects', 'sessions', 'turns', 'messages', 'episodes', 'update_log', 'model_prices'"
    write(
        data,
        f"delete from audit.nodes where node_name not in ({kept}, 'times_are_possible', 'every_row_has_one_turn')",
        f"update audit.nodes set parents = list_filter(parents, p -> split_part(p, '.', 3) in ({kept}))",
    )
    return data


def read(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def write(data: DataDir, *statements: str) -> None:
    with duckdb.connect(str(data.database)) as connection:
        for statement in statements:
            connection.execute(statement)


def leftovers(data: DataDir) -> list[str]:
    return sorted(path.name for path in data.root.iterdir() if path.name.startswith("."))


def test_marts_and_seeds_are_tables_with_their_comments(data: DataDir) -> None:
    before = data.database.read_bytes()
    done = publish(data)
    assert data.database.read_bytes() == before
    assert data.published.stat().st_mode & 0o777 == 0o600
    wanted = read(
        data.database,
        "select schema_name || '.' || relation_name from audit.nodes "
        "where node_type = 'seed' or file_path like 'models/marts/%' and node_type = 'model' order by 1",
    )
    found = read(
        data.published,
        "select schema_name || '.' || table_name from duckdb_tables() where table_name != 'publish_state' order by 1",
    )
    assert found == wanted and len(found) == done.tables
    assert read(data.published, "select view_name from duckdb_views() where not internal") == []
    for relation in ("tables", "columns"):
        uncommented = f"from duckdb_{relation}() where not internal and comment is null and schema_name = 'main'"
        assert read(data.published, uncommented) == []
    for (name,) in wanted:
        query = f"select count(*), sum(hash(t)::hugeint) from {name} as t"
        if name != "main.update_log":
            assert read(data.published, query) == read(data.database, query), name
    states = "select run_id, published_rows, built_at is not null, synced_at is not null from publish_state"
    assert read(data.published, states) == [(done.run_id, done.rows, True, True)]


def test_nothing_names_a_place_of_this_machine(data: DataDir) -> None:
    told = f"cannot read {data.root}/raw/x and {PRODUCT_ROOT}/seeds and {Path.home()}/notes"
    write(
        data,
        "insert into raw.ingest_runs by name (select * replace ('told' as run_id, "
        f"'{told}' as error) from raw.ingest_runs limit 1)",
    )
    publish(data)
    assert read(data.published, "select error from update_log where run_id = 'told'") == [
        ("cannot read <data>/raw/x and <program>/seeds and ~/notes",)
    ]
    texts = read(
        data.published,
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'main' and data_type = 'VARCHAR'",
    )
    assert len(texts) > 100
    for table, column in texts:
        for place in (data.root, PRODUCT_ROOT):
            assert read(data.published, f"from {table} where contains({column}, '{place}')") == [], (table, column)


LAST = "(select max(invocation_number) from audit.invocations)"
SPOIL = {
    "never built": ("delete from audit.nodes", "Nothing was built yet"),
    "killed": (f"update audit.invocations set ended_at = null where invocation_number = {LAST}", "did not come to its"),
    "gate failed": (
        "update audit.dbt_results set status = 'fail', message = 'Got 3 results' "
        "where node_name = 'times_are_possible'",
        "test times_are_possible failed: Got 3 results",
    ),
    "model broke": (
        "update audit.dbt_results set status = 'error', message = 'Binder Error' where node_name = 'turns'",
        "model turns ended with error: Binder Error",
    ),
    "skipped": ("update audit.dbt_results set status = 'skipped' where node_name = 'turns'", "turns was skipped"),
    "new model": ("delete from audit.dbt_results where node_name = 'turns'", "model turns was never built"),
    "built alone": (
        "insert into audit.invocations select invocation_number + 1, 'alone', 'run', started_at, ended_at "
        f"from audit.invocations where invocation_number = {LAST}; "
        "insert into audit.dbt_results by name (select * replace ('alone' as invocation_id) "
        "from audit.dbt_results where node_name = 'messages' limit 1)",
        "messages was built again after",
    ),
}


@pytest.mark.parametrize("statement, said", SPOIL.values(), ids=SPOIL.keys())
def test_what_did_not_pass_is_withheld(small: DataDir, statement: str, said: str) -> None:
    small.published.write_bytes(b"the old file")
    write(small, *statement.split("; "))
    with pytest.raises(WithheldError, match=said):
        publish(small)
    assert small.published.read_bytes() == b"the old file"
    assert leftovers(small) == []


def test_a_warning_withholds_nothing(small: DataDir) -> None:
    write(small, "update audit.dbt_results set status = 'warn' where node_name = 'models_have_a_price'")
    assert publish(small).tables


def test_who_has_the_old_file_open_keeps_it(small: DataDir) -> None:
    publish(small)
    [(sessions,)] = read(small.published, "select count(*) from sessions")
    with duckdb.connect(str(small.published), read_only=True) as reader:
        write(small, "delete from main.sessions")
        publish(small)
        assert reader.execute("select count(*) from sessions").fetchall() == [(sessions,)] != [(0,)]
    assert read(small.published, "select count(*) from sessions") == [(0,)]


# Killed as the system kills, before or after a step of the publication.
KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from ingest.paths import DataDir
from ingest.publishing import publish as publishing
original = getattr(publishing, sys.argv[2])
def killed(*arguments):
    if sys.argv[3] == "after":
        original(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(publishing, sys.argv[2], killed)
publishing.publish(DataDir(Path(sys.argv[1])))
"""
POINTS = (
    *(("copy_tables", "before"), ("copy_tables", "after"), ("_verify", "before")),
    *(("durable_replace", "before"), ("durable_replace", "after")),
)


def test_a_killed_publication_leaves_the_old_file_or_the_new(small: DataDir) -> None:
    last = publish(small).run_id
    for point, moment in POINTS:
        command = [sys.executable, "-c", KILLED, str(small.root), point, moment]
        assert subprocess.run(command, cwd=PRODUCT_ROOT, check=False).returncode == -signal.SIGKILL
        [(run_id,)] = read(small.published, "select run_id from publish_state")
        assert (run_id != last) == ((point, moment) == ("durable_replace", "after"))
        last = run_id
    done = publish(small)
    assert read(small.published, "select run_id from publish_state") == [(done.run_id,)]
    assert leftovers(small) == [] and not (small.runs / "lock.json").exists()


def test_a_full_disk_leaves_the_old_file(small: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(small)
    before = small.published.read_bytes()
    limited = (
        "import resource, signal, sys; from pathlib import Path; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from ingest.paths import DataDir; from ingest.publishing.publish import publish\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))\n"
        "try:\n    publish(DataDir(Path(sys.argv[1])))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    # Enough for the log of the transaction, too little for the table that it becomes: only the checkpoint fails.
    command = [sys.executable, "-c", limited, str(small.root), str(len(before) // 2)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PRODUCT_ROOT, check=False)
    assert done.stdout.startswith("IngestError") and "\n" not in done.stdout.strip(), done
    assert small.published.read_bytes() == before and leftovers(small) == []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing, "durable_replace", full)
    with pytest.raises(IngestError, match="disk is full"):
        publish(small)
    assert small.published.read_bytes() == before and leftovers(small) == []


def test_another_program_is_named_and_waited_for(small: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-c", HOLDS, str(small.database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin and holder.stdout and holder.stdout.readline() == "open\n"
        monkeypatch.setattr("ingest.database.setting", lambda _: 0.1)
        said = rf"ope.db is in use by process {holder.pid} \(python[\d.]*\): close that program"
        with pytest.raises(IngestError, match=said):
            publish(small)
        with pytest.raises(IngestError, match=said):
            connect(small)
        assert not small.published.exists() and leftovers(small) == []
        monkeypatch.setattr("ingest.database.setting", lambda _: 60)
        ends = threading.Timer(0.5, holder.stdin.close)
        ends.start()
        assert publish(small).rows
        ends.join()


def test_compaction_gives_back_free_blocks_and_keeps_everything(small: DataDir) -> None:
    assert not compact(small).is_done
    write(
        small,
        "create table filler as select random() as x from range(8_000_000)",
        "create table last as select random() as x from range(100_000)",
        "drop table filler",
        "checkpoint",
    )
    relations = "select schema_name, table_name, estimated_size, comment from duckdb_tables() order by all"
    views = "select schema_name, view_name, comment from duckdb_views() where not internal order by all"
    before = [read(small.database, sql) for sql in (relations, views)]
    done = compact(small)
    assert done.is_done and done.bytes_after < 0.7 * done.bytes_before
    assert small.database.stat().st_size == done.bytes_after and small.database.stat().st_mode & 0o777 == 0o600
    assert [read(small.database, sql) for sql in (relations, views)] == before
    assert not compact(small).is_done and leftovers(small) == []
    assert publish(small).rows
