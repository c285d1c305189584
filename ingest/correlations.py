"""Links between sessions and commits as the marts have them, read from `data/ope.db`.

Every function reads all that it returns and needs the database no longer: nobody's `dbt build` waits for a reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.paths import DataDir

# What is read, by mart: a database in which any of it is missing was built by an earlier version, or not at all.
NEEDED = {
    "commits": "project_id commit_sha subject author_name author_email authored_at committed_at source_ref is_merge "
    "is_bot insertions deletions copy_of_sha family_id linked_session_id link_confidence unlinked_reason",
    "commit_files": "project_id commit_sha file_index path old_path status insertions deletions is_binary",
    "commit_attribution": "project_id commit_sha path agent_lines changed_lines",
    "sessions": "session_id root_session_id project_id title first_prompt git_branches started_at ended_at",
    "correlations": "project_id session_id commit_sha confidence score band is_accepted link_rank method tier "
    "rejection_reason matched_files commit_files matched_lines commit_lines last_edit_at seconds_after_last_edit "
    "is_in_sample is_copy",
    "correlation_evidence": "project_id session_id commit_sha evidence_kind evidence_class strength weight "
    "contribution detail path file_id session_path line_number found_at",
}

Pair = tuple[str, str, str]  # project_id, session_id, commit_sha


@dataclass(frozen=True)
class Link:
    """One row of `correlations`, with what a person needs to know its commit and its session by.

    `confidence` is 0 to 1; times are UTC; `link_rank` 1 is the best of the commit; `is_known`: the commit is a mart's.
    """

    project_id: str
    session_id: str
    commit_sha: str
    confidence: float | None
    score: float | None
    band: str | None
    is_accepted: bool | None
    link_rank: int | None
    method: str | None
    tier: int | None
    rejection_reason: str | None
    matched_files: int | None
    commit_files: int | None
    matched_lines: int | None
    commit_lines: int | None
    last_edit_at: datetime | None
    seconds_after_last_edit: float | None
    is_in_sample: bool | None
    is_copy: bool | None
    subject: str | None
    committed_at: datetime | None
    linked_session_id: str | None
    is_known: bool
    title: str | None
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def pair(self) -> Pair:
        return (self.project_id, self.session_id, self.commit_sha)


@contextmanager
def opened_marts(data: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to `data/ope.db`, in which the marts of links are built.

    Raises IngestError where the database is missing, open in another program or damaged, or where a mart is not built.
    """
    with opened_read_only(data.database) as connection:
        require_marts(connection, data, NEEDED)
        yield connection


def require_marts(connection: duckdb.DuckDBPyConnection, data: DataDir, needed: Mapping[str, str]) -> None:
    """Raises IngestError where a mart of `needed`, or one of its columns, is not there."""
    rows = connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal"
    ).fetchall()
    there = set(rows)
    for table, columns in needed.items():
        lacking = [column for column in columns.split() if (table, column) not in there]
        if lacking:
            is_there = any(name == table for name, _ in there)
            what = f"has no column {lacking[0]} in mart {table}" if is_there else f"has no mart {table} yet"
            raise IngestError(f"{data.database} {what}: run `dbt build`, then the same command again.")


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
    """The rows of a query by column name; decimals as floats."""
    result = connection.execute(sql, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [
        {name: float(value) if isinstance(value, Decimal) else value for name, value in zip(names, row, strict=True)}
        for row in result.fetchall()
    ]


def read_links(
    connection: duckdb.DuckDBPyConnection, condition: str = "true", parameters: Sequence[object] = ()
) -> list[Link]:
    """The links for which a condition on `link` (a row of `correlations`) holds, by project, commit and rank."""
    columns = ", ".join(f"link.{name}" for name in NEEDED["correlations"].split())
    rows = rows_of(
        connection,
        f"""
        select
            {columns}, commits.subject, commits.committed_at, commits.linked_session_id,
            commits.commit_sha is not null as is_known,
            coalesce(sessions.title, sessions.first_prompt) as title, sessions.started_at, sessions.ended_at
        from main.correlations as link
        left join main.commits as commits
            on link.project_id = commits.project_id and link.commit_sha = commits.commit_sha
        left join main.sessions as sessions on link.session_id = sessions.session_id
        where {condition}
        order by link.project_id, link.commit_sha, link.link_rank nulls last, link.session_id
        """,
        parameters,
    )
    return [Link(**row) for row in rows]
