"""What dbt itself finds of secrets in the clear: what the engine finds, wherever it is planted, and never its text."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ingest.redaction import DEFAULT_RULES, Redactor
from ingest.redaction.rules import compile_pattern, expand_example, read_rules
from tests.warehouse import Warehouse

pytestmark = pytest.mark.slow

RULES = [rule for rule in read_rules(DEFAULT_RULES) if rule.kind == "token" and rule.protects == "secret"]
TESTS = ("no_secret_is_landed", "no_secret_is_published")
FIRST = 1_000_000
SECRET = "gh" + "p_" + expand_example("{{alnum:36}}", 7)[0]


@pytest.fixture
def planted(sample_warehouse: Warehouse, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the sample's database, to plant secrets in."""
    shutil.copy2(sample_warehouse.database, tmp_path / "ope.db")
    with duckdb.connect(str(tmp_path / "ope.db")) as connection:
        yield connection


def compiled(warehouse: Warehouse, path: str) -> str:
    """The SQL that dbt made of a node in the last build."""
    return (warehouse.project / "target" / "compiled" / "ope" / path).read_text()


def found(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple]:
    return connection.execute(f"select * from ({sql}) order by all").fetchall()


def test_the_first_group_of_a_rule_is_its_secret() -> None:
    """So the macro takes it."""
    for rule in RULES:
        assert list(compile_pattern(rule.pattern).groupindex.values()) == [1], rule.rule_id


def test_they_stop_a_publication(sample_warehouse: Warehouse) -> None:
    nodes = json.loads((sample_warehouse.project / "target" / "manifest.json").read_text())["nodes"]
    assert {nodes[f"test.ope.{name}"]["config"]["severity"].lower() for name in TESTS} == {"error"}
    assert sample_warehouse.query(
        "select node_name, max_by(status, started_at) from audit.dbt_results "
        "where node_name in ('no_secret_is_landed', 'no_secret_is_published') group by all order by all"
    ) == [(name, "pass") for name in TESTS]


@pytest.mark.parametrize(
    ("table", "column", "found_as"),
    [
        ("main.tool_calls", "result_text", "tool_calls"),
        ("main.episodes", "observation", "episodes"),
        ("main.messages", "text", "messages"),
        ("main.commits", "author_name", "commits"),
    ],
)
def test_a_secret_in_a_mart_is_found(
    sample_warehouse: Warehouse, planted: duckdb.DuckDBPyConnection, table: str, column: str, found_as: str
) -> None:
    sql = compiled(sample_warehouse, "tests/marts/no_secret_is_published.sql")
    assert found(planted, sql) == []
    planted.execute(f"update {table} set {column} = ? where rowid = 0", [f"use {SECRET}, please"])
    assert found(planted, sql) == [(found_as, "github_token", len(SECRET))]


@pytest.mark.parametrize(
    ("table", "column", "found_as"),
    [
        ("raw.commits", "message", "commits"),
        ("raw.projects", "notes", "registry"),
        ("raw.ingest_runs", "error", "run log"),
    ],
)
def test_a_secret_that_is_landed_is_found(
    sample_warehouse: Warehouse, planted: duckdb.DuckDBPyConnection, table: str, column: str, found_as: str
) -> None:
    sql = compiled(sample_warehouse, "tests/intermediate/no_secret_is_landed.sql")
    assert found(planted, sql) == []
    planted.execute(f"update {table} set {column} = ? where rowid = 0", [f"token: {SECRET}"])
    assert found(planted, sql) == [(found_as, "github_token", len(SECRET))]


def test_lines_of_changed_sessions_are_read_as_the_engine_reads_them(
    sample_warehouse: Warehouse, planted: duckdb.DuckDBPyConnection
) -> None:
    """Every example of every rule as a line of its own: those that match are found by that rule, the others are not."""
    engine = Redactor(RULES + [rule for rule in read_rules(DEFAULT_RULES) if rule.kind == "allow"], bytes(32))
    [(file_id,)] = planted.execute("select min(file_id) from raw.session_files").fetchall()
    wanted: dict[int, str] = {}
    unwanted: dict[int, str] = defaultdict(str)
    lines: list[str] = []
    for rule in RULES:
        for template in (*rule.match_examples, *rule.no_match_examples):
            text = expand_example(template, 1)[0]
            number = FIRST + len(lines)
            lines.append(json.dumps(text, ensure_ascii=False))
            (wanted if template in rule.match_examples else unwanted)[number] = rule.rule_id
            assert (engine.redact_text(text) != text) == (number in wanted), rule.rule_id
    planted.execute(
        "insert into raw.session_lines by name select $file_id as file_id, $first + index as line_number, "
        "$lines[index + 1] as line, true as is_json, 'r' as run_id, timestamp '2026-01-01' as loaded_at "
        "from range(len($lines)) as numbers (index)",
        {"file_id": file_id, "first": FIRST, "lines": lines},
    )
    model = "model.ope.int_sessions__exposed_secrets"
    sql = compiled(sample_warehouse, "models/intermediate/privacy/int_sessions__exposed_secrets.sql")
    assert found(planted, sql) == []  # no session has changed since the build
    planted.execute("delete from audit.ledger where model = ?", [model])
    exposed = "intermediate.int_sessions__exposed_secrets"
    planted.execute(f"insert into {exposed} by name ({sql})")
    rows = found(planted, f"from {exposed}")
    hits = defaultdict(set)
    for _, _, found_file, number, rule_id, _ in rows:
        assert found_file == file_id
        hits[number].add(rule_id)
    assert {number: rule_id for number, rule_id in wanted.items() if rule_id not in hits[number]} == {}
    assert {number: rule_id for number, rule_id in unwanted.items() if hits[number]} == {}
    # what a failing test keeps in schema audit holds no text of it
    assert not [line for line in lines if any(line in map(str, row) for row in rows)]
    failures = found(planted, compiled(sample_warehouse, "tests/intermediate/no_secret_is_landed.sql"))
    assert len(failures) == len(rows)
