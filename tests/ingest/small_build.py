"""A build that stands in for dbt's where a test is about the night around it: one mart, one test, and their records."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from ingest.database import opened
from ingest.nightly import night
from ingest.nightly.build import Built
from ingest.paths import DataDir

_AUDIT = """
    create schema if not exists audit;
    create table if not exists audit.invocations (
        invocation_number bigint, invocation_id varchar, command varchar, started_at timestamp, ended_at timestamp
    );
    create table if not exists audit.dbt_results (
        invocation_id varchar, node_id varchar, node_name varchar, status varchar, message varchar
    );
    create or replace table audit.nodes (
        node_id varchar, node_type varchar, node_name varchar, file_path varchar, schema_name varchar,
        relation_name varchar, parents varchar[]
    );
    insert into audit.nodes values
        ('model.lines', 'model', 'lines', 'models/marts/core/lines.sql', 'main', 'lines', []),
        ('test.lines', 'test', 'lines_are_good', 'tests/marts/lines_are_good.sql', 'audit', null, ['model.lines']);
    create or replace table main.lines as
    select files.project_id, files.session_id, lines.line_number, lines.line
    from raw.session_lines as lines inner join raw.session_files as files on lines.file_id = files.file_id
"""


def build(
    data: DataDir, project: Path = Path(), progress: Callable[[int, int], None] | None = None, *, test: str = "pass"
) -> Built:
    """Build mart `lines` out of what is landed; its test ends with status `test`."""
    with opened(data) as connection:
        connection.execute(_AUDIT)
        [(number,)] = connection.execute(
            "select coalesce(max(invocation_number), 0) + 1 from audit.invocations"
        ).fetchall()
        name = f"invocation-{number}"
        connection.execute("insert into audit.invocations values (?, ?, 'build', now(), now())", [number, name])
        connection.executemany(
            "insert into audit.dbt_results values (?, ?, ?, ?, 'Got 1 result')",
            [[name, "model.lines", "lines", "success"], [name, "test.lines", "lines_are_good", test]],
        )
    failed = ["lines_are_good"] if test == "fail" else []
    return Built(name, {"models": 1, "tests": 1, "failed": len(failed)}, failed_tests=failed)


if __name__ == "__main__":
    night.build = build  # type: ignore[assignment]
    done = night.run_night(DataDir(Path(sys.argv[1])))
    print(done.status, *done.failures, *done.withheld, sep="\n")
    sys.exit(done.exit_code)
