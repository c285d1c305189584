"""Links for a person to judge: a stratified sample, and the truth file that the answers go to, one by one.

The sample depends on the marts and the seed only: taken again it is the same, and what is labelled is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from ingest.correlation_evidence import Explained, explain_links
from ingest.correlations import Link, opened_marts, read_links, rows_of
from ingest.errors import IngestError
from ingest.explain import CommitExplained, read_commit
from ingest.files import printable
from ingest.label_files import is_id
from ingest.landing_labels import SET_NAME, label_path
from ingest.link_labels import KIND, UNDECIDED, YES, SessionCommit, labelled_pairs, put_labels
from ingest.paths import DataDir
from ingest.registry import EXCLUDED, get_project
from ingest.runlog import now
from ingest.terminal import visible

# Pairs that are asked about per band of confidence and method. Most pairs are in band `none`, and few of them are news.
SIZES: Mapping[str, int] = {"high": 8, "medium": 8, "low": 8, "none": 4}
DEFAULT_SET = "people"
DEFAULT_SEED = 1
NO_METHOD = "none"


@dataclass(frozen=True)
class Stratum:
    """A band and a method: its pairs, how many of them are in the sample, and how many of those are labelled."""

    band: str
    method: str
    pairs: int
    sampled: int
    labelled: int


@dataclass(frozen=True)
class Question:
    """A pair to judge, its commit, and the other candidates of the commit in the order of time.

    `states` is, by session, what a label remembers of it: how long it was then, and by which weights it was judged.
    """

    commit: CommitExplained
    pair: Explained
    others: list[Link]
    states: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Sample:
    """What a person is asked. `unusable` counts pairs whose session id no label can name."""

    project_id: str
    label_set: str
    path: str
    repository: str | None
    seed: int
    strata: list[Stratum]
    questions: list[Question] = field(default_factory=list)
    unusable: int = 0


def take_sample(
    data: DataDir,
    project_id: str,
    *,
    label_set: str = DEFAULT_SET,
    sizes: Mapping[str, int] | None = None,
    methods: Collection[str] = (),
    seed: int = DEFAULT_SEED,
    with_lines: bool = False,
) -> Sample:
    """The sample of a project's links that is still to be judged; writes nothing.

    `sizes` (pairs per method, by band) are put over SIZES, a band without a size has that of `none`; `methods` leaves
    out all others. Raises IngestError for an unknown project, a bad name or band, a truth file that cannot be read,
    and as `opened_marts`.
    """
    project = get_project(data, project_id)
    if not SET_NAME.fullmatch(label_set):
        raise IngestError(
            f"{printable(label_set)!r} cannot name a set of labels: use lower-case letters, digits, '-' and '_'."
        )
    if project.status == EXCLUDED:
        raise IngestError(f"The project {project_id!r} is excluded: {data.notes(project_id)} says why.")
    labelled = labelled_pairs(data, project_id, label_set)
    with opened_marts(data) as connection:
        strata = _strata(connection, project_id)
        wanted = {**SIZES, **(sizes or {})}
        _refuse_unknown("band", sizes or (), {*SIZES, *(band for band, _ in strata)})
        _refuse_unknown("method", methods, {method for _, method in strata})
        counted, chosen, unusable = [], [], 0
        for (band, method), pairs in sorted(strata.items()):
            if methods and method not in methods:
                continue
            usable = sorted((pair for pair in pairs if is_id(pair[0])), key=lambda pair: _draw(seed, pair))
            unusable += len(pairs) - len(usable)
            sampled = usable[: wanted.get(band, wanted["none"])]
            asked = [pair for pair in sampled if pair not in labelled]
            counted.append(Stratum(band, method, len(pairs), len(sampled), len(sampled) - len(asked)))
            chosen += asked
        # Mixed, so that nobody can tell from its place what the marts think of a pair.
        chosen.sort(key=lambda pair: _draw(seed, pair))
        return Sample(
            project_id=project_id,
            label_set=label_set,
            path=str(label_path(data, project_id, KIND, label_set)),
            repository=project.repository,
            seed=seed,
            strata=counted,
            questions=_questions(connection, project_id, chosen, with_lines=with_lines),
            unusable=unusable,
        )


def save_answer(sample: Sample, question: Question, label: str, *, labelled_by: str, other: str | None = None) -> None:
    """Write one answer into the truth file at once; a second one on the same pair takes the place of the first.

    `other` is the session that wrote the commit in the place of this one. Raises IngestError where the disk refuses.
    """
    link = question.pair.link
    answers = [(link, label)]
    answers += [(item, YES) for item in question.others if item.session_id == other]
    labels = []
    for judged, word in answers:
        state = question.states.get(judged.session_id, {})
        if judged is not link:
            state = {**state, "instead_of": link.session_id}
        labels.append(
            {
                "session_id": judged.session_id,
                "commit_sha": judged.commit_sha,
                "label": word,
                "is_sure": "0" if word == UNDECIDED else "1",
                "labelled_by": labelled_by,
                "labelled_at": f"{now():%Y-%m-%dT%H:%M:%SZ}",
                "note": "; ".join(f"{name}={value}" for name, value in {**_verdict(judged), **state}.items()),
            }
        )
    put_labels(Path(sample.path), labels)


def candidate_named(question: Question, typed: str) -> Link:
    """The other candidate whose id is, or begins with, `typed`. Raises IngestError where none or several fit."""
    fitting = [item for item in question.others if item.session_id == typed]
    fitting = fitting or [item for item in question.others if typed and item.session_id.startswith(typed)]
    if not fitting:
        raise IngestError(
            f"No other candidate of this commit begins with {visible(typed, 60)!r}: give one of those that are listed."
        )
    if len(fitting) > 1:
        raise IngestError(f"{visible(typed, 60)!r} fits {len(fitting)} candidates: give more characters.")
    return fitting[0]


def _strata(connection: duckdb.DuckDBPyConnection, project_id: str) -> dict[tuple[str, str], list[SessionCommit]]:
    strata: dict[tuple[str, str], list[SessionCommit]] = {}
    for session_id, commit_sha, band, method in connection.execute(
        "select session_id, commit_sha, coalesce(band, ?), coalesce(method, ?) from main.correlations "
        "where project_id = ? order by session_id, commit_sha",
        ["none", NO_METHOD, project_id],
    ).fetchall():
        strata.setdefault((band, method), []).append((session_id, commit_sha))
    if not strata:
        raise IngestError(
            f"The marts hold no link of {project_id} to judge: run `python -m ingest sync` and `dbt build` first."
        )
    return strata


def _questions(
    connection: duckdb.DuckDBPyConnection, project_id: str, pairs: Sequence[SessionCommit], *, with_lines: bool
) -> list[Question]:
    shas = sorted({commit_sha for _, commit_sha in pairs})
    links = read_links(
        connection, "link.project_id = ? and link.commit_sha in (select unnest(?::varchar[]))", [project_id, shas]
    )
    of_commit: dict[str, list[Link]] = {}
    for link in links:
        of_commit.setdefault(link.commit_sha, []).append(link)
    by_pair = {(link.session_id, link.commit_sha): link for link in links}
    commits = {sha: read_commit(connection, project_id, sha) for sha in shas if of_commit[sha][0].is_known}
    asked = [by_pair[pair] for pair in pairs if pair[1] in commits]
    states = _session_states(connection, sorted({link.session_id for link in links}))
    version = _weights_version(connection)
    return [
        Question(
            commit=commits[explained.link.commit_sha],
            pair=explained,
            others=sorted(
                (other for other in of_commit[explained.link.commit_sha] if other.pair != explained.link.pair),
                key=lambda other: (str(other.started_at), other.session_id),
            ),
            states={
                link.session_id: {**states.get(link.session_id, {}), **version}
                for link in of_commit[explained.link.commit_sha]
            },
        )
        for explained in explain_links(connection, asked, with_lines=with_lines, with_rivals=False)
    ]


def _session_states(connection: duckdb.DuckDBPyConnection, session_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """How long each root session was, and a hash over its files, subagents included."""
    rows = rows_of(
        connection,
        """
        select
            sessions.root_session_id as session_id, sum(files.lines)::bigint as session_lines,
            sum(files.bytes)::bigint as session_bytes,
            left(md5(string_agg(files.content_hash, ' ' order by files.file_id)), 12) as session_hash
        from main.sessions as sessions
        inner join raw.session_files as files
            on sessions.session_id = files.session_id and sessions.project_id = files.project_id
        where sessions.root_session_id in (select unnest(?::varchar[]))
        group by all
        """,
        [list(session_ids)],
    )
    return {row.pop("session_id"): {name: str(value) for name, value in row.items()} for row in rows}


def _weights_version(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    try:
        rows = connection.execute("select max(weights_version) from reference.evidence_weights").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        return {}
    return {"weights_version": str(rows[0][0])} if rows[0][0] is not None else {}


def _verdict(link: Link) -> dict[str, Any]:
    """What the marts said of the pair when it was judged."""
    return {
        "confidence": link.confidence,
        "band": link.band,
        "link_rank": link.link_rank,
        "method": link.method or NO_METHOD,
        "is_accepted": str(bool(link.is_accepted)).lower(),
    }


def _refuse_unknown(what: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise IngestError(f"There is no {what} {visible(name, 60)!r}: give one of {', '.join(sorted(known))}.")


def _draw(seed: int, pair: SessionCommit) -> str:
    return hashlib.md5(f"{seed} {pair[0]} {pair[1]}".encode(), usedforsecurity=False).hexdigest()
