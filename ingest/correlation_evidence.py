"""The evidence of links: what speaks for one, what against it, what is missing, and who has more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb

from ingest.correlations import Link, Pair, rows_of

# Candidates of the same commit that a candidate is compared with, the best ones.
COMPARED_RIVALS = 5
# The direction of a kind whose absence says nothing against a link.
AGAINST = "against"
# A rival has more of a kind where it contributes so much more; less is no news.
MORE = 0.1


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
                if value > max(ours.get(kind, 0.0), 0.0) + MORE
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
