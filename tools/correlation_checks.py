"""Measures of the correlations that refit the weights: without a person's labels, without kinds of evidence, and with
the true session hidden; and the rule that the first specification had, for scale.

Everything is a function of the built warehouse with labels; `tools.evaluate_correlations` prints it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tools.fit_correlations import POINTS, Commits, calibrate, fit, read
from tools.hidden_sessions import part_of, warehouses

PAIRS = """
    select scores.project_id, scores.commit_sha, scores.root_session_id, scores.is_writer, links.method is not null,
        coalesce(links.rejection_reason, 'low_confidence') = 'low_confidence'
    from intermediate.int_correlations__scores as scores
    inner join intermediate.int_correlations__folds using (project_id, commit_sha)
    inner join intermediate.int_correlations__links as links using (project_id, commit_sha, root_session_id)
    where scores.fold = 0 and links.fold = 0
"""
HOMES = "select session_id, first_cwd from main.sessions"
# 0.7 x share of the commit's files + 0.3 x what is left of four hours since their last edit, accepted above 0.6.
FIRST_RULE = """
    with rated as (
        select *, 0.7 * changed_files / nullif(commit_files, 0) + 0.3 * (1 - ms_since_edit / 14400000.0) as score
        from intermediate.int_correlations__measures
        where ms_since_edit < 14400000
    ),
    judged as (
        select rated.score, rated.root_session_id = labels.root_session_id as is_right, row_number() over (
            partition by project_id, commit_sha order by rated.score desc, rated.ms_since_edit, rated.root_session_id
        ) as link_rank
        from rated
        inner join intermediate.int_correlations__labels as labels using (project_id, commit_sha)
        inner join intermediate.int_correlations__folds using (project_id, commit_sha)
        where labels.is_linked
    )
    select
        count(*) filter (where link_rank = 1), count(*) filter (where link_rank = 1 and is_right),
        count(*), count(*) filter (where is_right)
    from judged where score > 0.6
"""


@dataclass(frozen=True)
class Counts:
    """Accepted links of labelled commits: the best of each commit, and all of them; how many of them are right."""

    labelled: int
    best: int
    right_best: int
    pairs: int
    right_pairs: int


@dataclass(frozen=True)
class Check:
    """Labelled commits with what is known of each candidate: `is_writer` and `can_link` have a row per candidate,
    `people` the number of the labelled session's home directory per commit, the one with most labels first."""

    commits: Commits
    kinds: list[tuple[str, str, float]]
    is_writer: Any
    has_method: Any
    can_link: Any
    people: Any
    threshold: float


def read_pairs(database: Path) -> dict[tuple[str, str, str], tuple[bool, bool, bool]]:
    """What a warehouse knows of each candidate of a commit with a label."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return {row[:3]: row[3:] for row in connection.execute(PAIRS).fetchall()}


def load(database: Path, threshold: float) -> Check:
    """Read the warehouse; `threshold` is the confidence from which a link is accepted."""
    parts = warehouses()
    commits, kinds = read(database, parts)
    whole, without = read_pairs(database), [read_pairs(part) for part in parts]
    with duckdb.connect(str(database), read_only=True) as connection:
        # the home directory, which is as near as a log comes to a person
        homes = {session: "/".join((cwd or "").split("/")[:3]) for session, cwd in connection.execute(HOMES).fetchall()}
    sizes = np.diff(commits.starts)
    places = np.repeat(np.arange(len(sizes)), sizes)
    known = []
    for place, candidate in zip(places, commits.candidates, strict=True):
        project, commit, session = commits.labels[place]
        pairs = without[part_of(session)] if commits.is_hidden[place] else whole
        known.append(pairs[(project, commit, candidate)])
    is_writer, has_method, can_link = np.array(known, dtype=bool).T
    people = [homes.get(session, "") for _, _, session in commits.labels]
    order = [home for home, _ in sorted(Counter(people).items(), key=lambda item: (-item[1], item[0]))]
    numbers = np.array([order.index(home) + 1 for home in people])
    return Check(commits, kinds, is_writer, has_method, can_link, numbers, threshold)


def first_rule(database: Path, labelled: int) -> Counts:
    """What the rule of the first specification accepts, over the same files and times."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return Counts(labelled, *(connection.execute(FIRST_RULE).fetchone() or (0, 0, 0, 0)))


def left_out(check: Check, groups: Any, without: frozenset[str] = frozenset()) -> tuple[Any, Any]:
    """Score and confidence of every candidate by weights and a calibration that never saw the labels of its group.

    Kinds of evidence in `without` do not exist.
    """
    kept = np.array([kind not in without for kind, _, _ in check.kinds])
    kinds = [kind for kind, keep in zip(check.kinds, kept, strict=True) if keep]
    commits = check.commits._replace(strengths=check.commits.strengths[:, kept])
    sizes = np.diff(commits.starts)
    of_candidates = np.repeat(groups, sizes)
    scores, share = np.zeros(len(of_candidates)), np.zeros(len(of_candidates))
    for group in np.unique(groups):
        weights = fit(commits, groups != group, kinds)
        unseen = of_candidates == group
        of_group = commits.strengths @ weights[:-1]
        scores[unseen] = of_group[unseen]
        share[unseen] = shares(commits, check.is_writer, of_group, weights[-1])[unseen]
    right = np.zeros(len(share), dtype=bool)
    right[commits.truth[commits.truth >= 0]] = True
    shown = np.repeat(~commits.is_hidden, sizes)
    confidence = np.zeros(len(share))
    for group in np.unique(groups):
        seen, unseen = shown & (of_candidates != group), of_candidates == group
        confidence[unseen] = np.interp(share[unseen], POINTS, calibrate(share[seen], right[seen]))
    return scores, confidence


def shares(commits: Commits, is_writer: Any, scores: Any, nobody: float) -> Any:
    """Share of each candidate in the odds of its commit; sessions that share a commit are no rivals."""
    first, sizes = commits.starts[:-1], np.diff(commits.starts)
    top = np.repeat(np.maximum(np.maximum.reduceat(scores, first), nobody), sizes)
    odds = np.exp(scores - top)
    total = np.repeat(np.add.reduceat(odds, first), sizes) + np.exp(nobody - top)
    writers = np.repeat(np.add.reduceat(np.where(is_writer, odds, 0), first), sizes)
    return odds / (total - np.where(is_writer, writers - odds, 0))


def count(check: Check, scores: Any, confidence: Any, chosen: Any, labelled: int) -> Counts:
    """Accepted links of the commits where `chosen` is true."""
    best = right_best = pairs = right_pairs = 0
    for place in np.flatnonzero(chosen):
        rows = np.arange(check.commits.starts[place], check.commits.starts[place + 1])
        first = max(rows, key=lambda row: (check.has_method[row], confidence[row], scores[row]))
        for row in rows[check.can_link[rows] & (confidence[rows] >= check.threshold)]:
            is_right = row == check.commits.truth[place]
            pairs, right_pairs = pairs + 1, right_pairs + is_right
            best, right_best = best + (row == first), right_best + (row == first and is_right)
    return Counts(labelled, int(best), int(right_best), int(pairs), int(right_pairs))
