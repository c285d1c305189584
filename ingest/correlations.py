"""Links between sessions and commits as the marts have them, with the evidence of each, read from `data/ope.db`.

Every function reads all that it returns and needs the database no longer: nobody's `dbt build` waits for a reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.paths import DataDir

# Candidates of the same commit that a candidate is compared with, the best ones.
COMPARED_RIVALS = 5
# The direction of a kind whose absence says nothing against a link.
AGAINST = "against"
# Below this two sums of contributions are the same (scores are rounded to six digits).
SAME = 1e-6

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


@dataclass(frozen=True)
class Evidence:
    """One row of `correlation_evidence`. `log` is the archived log below the data directory; `line` its text at
    `line_number`, where it was asked for."""

    evidence_kind: str
    evidence_class: str | None
    strength: float | None
    weight: float | None
    contribution: float | None
    detail: str | None
    path: str | None
    file_id: str | None
    log: str | None
    line_number: int | None
    found_at: datetime | None
    line: str | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of evidence, of seed `evidence_kinds`."""

    evidence_kind: str
    evidence_class: str | None
    description: str | None


@dataclass(frozen=True)
class More:
    """A kind of evidence of which another candidate has more: both sums of contributions."""

    evidence_kind: str
    theirs: float
    ours: float


@dataclass(frozen=True)
class Rival:
    """Another candidate of the same commit, and in what it has more."""

    session_id: str
    confidence: float | None
    link_rank: int | None
    more: list[More]


@dataclass(frozen=True)
class Explained:
    """A link with what speaks for it (largest contribution first), what speaks against it (most first) or says
    nothing, the kinds without any row, and the best rivals that have more of something."""

    link: Link
    supporting: list[Evidence] = field(default_factory=list)
    opposing: list[Evidence] = field(default_factory=list)
    missing: list[Kind] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)


@contextmanager
def opened_marts(data: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to `data/ope.db`, in which the marts of links are built.

    Raises IngestError where the database is missing, open in another program or damaged, or where a mart is not built.
    """
    with opened_read_only(data.database) as connection:
        rows = connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'main' and not internal"
        ).fetchall()
        there = set(rows)
        for table, columns in NEEDED.items():
            lacking = [column for column in columns.split() if (table, column) not in there]
            if lacking:
                is_there = any(name == table for name, _ in there)
                what = f"has no column {lacking[0]} in mart {table}" if is_there else f"has no mart {table} yet"
                raise IngestError(f"{data.database} {what}: run `dbt build`, then the same command again.")
        yield connection


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


def explain_links(
    connection: duckdb.DuckDBPyConnection,
    links: Sequence[Link],
    *,
    with_lines: bool = False,
    with_rivals: bool = True,
) -> list[Explained]:
    """Each link with its evidence, in the given order; `with_lines` reads the text of the log lines too."""
    evidence = _evidence(connection, links)
    if with_lines:
        evidence = _with_lines(connection, evidence)
    kinds = _kinds(connection)
    rivals = _rivals(connection, links) if with_rivals else {}
    return [
        Explained(
            link=link,
            supporting=[item for item in evidence.get(link.pair, ()) if (item.contribution or 0) > 0],
            opposing=sorted(
                (item for item in evidence.get(link.pair, ()) if (item.contribution or 0) <= 0),
                key=lambda item: item.contribution or 0.0,
            ),
            missing=[
                kind
                for kind in kinds
                if kind.evidence_kind not in {item.evidence_kind for item in evidence.get(link.pair, ())}
            ],
            rivals=rivals.get(link.pair, []),
        )
        for link in links
    ]


def _evidence(connection: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> dict[Pair, list[Evidence]]:
    rows = rows_of(
        connection,
        f"""
        select
            given.project_id, given.session_id, given.commit_sha, found.evidence_kind, found.evidence_class,
            found.strength, found.weight, found.contribution, found.detail, found.path, found.file_id,
            coalesce('raw/' || files.project_id || '/' || files.path, found.session_path) as log,
            found.line_number, found.found_at
        from ({_GIVEN}) as given
        inner join main.correlation_evidence as found
            on given.project_id = found.project_id
            and given.session_id = found.session_id
            and given.commit_sha = found.commit_sha
        left join raw.session_files as files on found.file_id = files.file_id
        order by
            found.contribution desc nulls last, found.evidence_kind, found.path nulls first, log nulls last,
            found.line_number nulls last, found.detail nulls last
        """,
        _columns([link.pair for link in links]),
    )
    found: dict[Pair, list[Evidence]] = {}
    for row in rows:
        pair = (row.pop("project_id"), row.pop("session_id"), row.pop("commit_sha"))
        found.setdefault(pair, []).append(Evidence(**row))
    return found


def _with_lines(
    connection: duckdb.DuckDBPyConnection, evidence: dict[Pair, list[Evidence]]
) -> dict[Pair, list[Evidence]]:
    wanted = sorted(
        {
            (item.file_id, item.line_number)
            for items in evidence.values()
            for item in items
            if item.file_id is not None and item.line_number is not None
        }
    )
    rows = connection.execute(
        """
        select lines.file_id, lines.line_number, lines.line
        from (select unnest(?::varchar[]) as file_id, unnest(?::integer[]) as line_number) as given
        inner join raw.session_lines as lines
            on given.file_id = lines.file_id and given.line_number = lines.line_number
        """,
        [[file_id for file_id, _ in wanted], [line_number for _, line_number in wanted]],
    ).fetchall()
    texts = {(file_id, line_number): line for file_id, line_number, line in rows}
    return {
        pair: [replace(item, line=texts.get((item.file_id, item.line_number))) for item in items]
        for pair, items in evidence.items()
    }


def _kinds(connection: duckdb.DuckDBPyConnection) -> list[Kind]:
    """All kinds of evidence that may speak for a link; none where their seed is not built."""
    try:
        rows = rows_of(connection, "select * from reference.evidence_kinds order by evidence_kind")
    except duckdb.CatalogException:
        return []
    return [
        Kind(row["evidence_kind"], row.get("evidence_class"), row.get("description"))
        for row in rows
        if row.get("direction") != AGAINST
    ]


def _rivals(connection: duckdb.DuckDBPyConnection, links: Sequence[Link]) -> dict[Pair, list[Rival]]:
    """For each pair the best other candidates of its commit that have more of some kind, best first."""
    rows = connection.execute(
        f"""
        select
            link.project_id, link.session_id, link.commit_sha, cast(link.confidence as double), link.link_rank,
            found.evidence_kind, cast(sum(found.contribution) as double) as contribution
        from (select distinct project_id, commit_sha from ({_GIVEN})) as given
        inner join main.correlations as link
            on given.project_id = link.project_id and given.commit_sha = link.commit_sha
        inner join main.correlation_evidence as found
            on link.project_id = found.project_id
            and link.session_id = found.session_id
            and link.commit_sha = found.commit_sha
        group by all
        order by link.link_rank nulls last, link.session_id, found.evidence_kind
        """,
        _columns([link.pair for link in links]),
    ).fetchall()
    sums: dict[Pair, dict[str, float]] = {}
    candidates: dict[tuple[str, str], dict[str, tuple[float | None, int | None]]] = {}
    for project_id, session_id, commit_sha, confidence, link_rank, kind, contribution in rows:
        sums.setdefault((project_id, session_id, commit_sha), {})[kind] = contribution or 0.0
        candidates.setdefault((project_id, commit_sha), {})[session_id] = (confidence, link_rank)
    rivals: dict[Pair, list[Rival]] = {}
    for link in links:
        ours = sums.get(link.pair, {})
        others = candidates.get((link.project_id, link.commit_sha), {})
        best = [session_id for session_id in others if session_id != link.session_id][:COMPARED_RIVALS]
        for session_id in best:
            theirs = sums[(link.project_id, session_id, link.commit_sha)]
            more = [
                More(kind, value, ours.get(kind, 0.0))
                for kind, value in theirs.items()
                if value > max(ours.get(kind, 0.0), 0.0) + SAME
            ]
            if more:
                confidence, link_rank = others[session_id]
                rivals.setdefault(link.pair, []).append(Rival(session_id, confidence, link_rank, more))
    return rivals


_GIVEN = (
    "select unnest(?::varchar[]) as project_id, unnest(?::varchar[]) as session_id, unnest(?::varchar[]) as commit_sha"
)


def _columns(pairs: Sequence[Pair]) -> list[list[str]]:
    """Pairs as the parameters of `_GIVEN`."""
    return [list(column) for column in zip(*pairs, strict=True)] or [[], [], []]
