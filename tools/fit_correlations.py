"""Fit how much each kind of evidence weighs, and how sure a link is: seeds evidence_weights and confidence_points.

`make fit` builds the warehouse with the labels, and five times without a fifth of its sessions
(`tools.hidden_sessions`), and calls this with .venv-lab: `weights`, then, after another build, `confidence`. The
strengths are those that the models computed (`int_correlations__signals`), so SQL is the only code that scores. The fit
is a conditional logit: of all candidates of a commit, and nobody, one is right. Each weight has the sign that its kind
of evidence has, and is drawn to its prior (seed `evidence_kinds`). Fold 0 is fitted to all labels, fold k without those
of fold k; the confidence of a fold comes from shares that its own weights never saw. Deterministic: the same input
gives the same files.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from scipy.optimize import minimize

from tools.hidden_sessions import part_of, warehouses

SEEDS = Path(__file__).resolve().parent.parent / "seeds" / "correlation"
WEIGHTS_VERSION = "1.0.0"
# Strength of the penalty that draws a weight to its prior.
PENALTY = 0.001
# Share of labels taken to be wrong: one bad label must not bend the weights.
WRONG_LABELS = 0.03
# Each labelled commit stands a second time as if its session was not in the logs, with this weight: nobody is right.
HIDDEN_WEIGHT = 0.3
# Shares of the odds at which the confidence is written down.
POINTS = (0, 0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1)
DECIMALS = 4

LABELS = """
    select project_id, commit_sha, labels.root_session_id, folds.fold
    from intermediate.int_correlations__labels as labels
    inner join intermediate.int_correlations__folds as folds using (project_id, commit_sha)
    where labels.is_linked
    order by all
"""
CANDIDATES = """
    select project_id, commit_sha, root_session_id from intermediate.int_correlations__candidates
    inner join intermediate.int_correlations__folds using (project_id, commit_sha)
    order by all
"""
SIGNALS = """
    select project_id, commit_sha, root_session_id, evidence_kind, strength
    from intermediate.int_correlations__signals
    inner join intermediate.int_correlations__folds using (project_id, commit_sha)
    order by all
"""
KINDS = "select evidence_kind, direction, prior_weight from reference.evidence_kinds order by evidence_kind"
SHARES = """
    select scores.fold, scores.share, scores.root_session_id = labels.root_session_id
    from intermediate.int_correlations__scores as scores
    inner join intermediate.int_correlations__labels as labels using (project_id, commit_sha)
    where scores.fold > 0 and labels.is_linked
    order by all
"""


class Commits(NamedTuple):
    """Labelled commits: a row of `strengths` per candidate, the commit's candidates in `starts[i]:starts[i + 1]`,
    `truth` the row of the right one (-1: not among them), `fold` (from 1) per commit. `labels` says per
    commit which project, commit and session were labelled, `candidates` per row which session it is. `is_hidden`: the
    evidence of this commit was found without its session."""

    strengths: Any
    starts: Any
    truth: Any
    fold: Any
    is_hidden: Any
    labels: list[tuple[str, str, str]]
    candidates: list[str]


class Evidence(NamedTuple):
    """Of each commit with a label the candidates, of each candidate the strengths by kind of evidence."""

    candidates: dict[tuple[str, str], list[str]]
    strengths: dict[tuple[str, str, str], Any]


def read_evidence(database: Path, kinds: list[tuple[str, str, float]]) -> Evidence:
    """The candidates of a warehouse with the strengths of their evidence."""
    with duckdb.connect(str(database), read_only=True) as connection:
        candidates = connection.execute(CANDIDATES).fetchall()
        signals = connection.execute(SIGNALS).fetchall()
    column = {kind: index for index, (kind, _, _) in enumerate(kinds)}
    found = Evidence({}, {})
    for project, commit, session in candidates:
        found.candidates.setdefault((project, commit), []).append(session)
        found.strengths[(project, commit, session)] = np.zeros(len(kinds))
    for project, commit, session, kind, value in signals:
        found.strengths[(project, commit, session)][column[kind]] = value
    return found


def read(database: Path, parts: list[Path]) -> tuple[Commits, list[tuple[str, str, float]]]:
    """The labelled commits with the strengths of their candidates, and the kinds of evidence.

    `parts` are the warehouses of `tools.hidden_sessions`. A commit without candidates is in neither.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        kinds = connection.execute(KINDS).fetchall()
        labels = connection.execute(LABELS).fetchall()
    if not labels:
        sys.exit("fit: the warehouse has no labels of kind session_commit: import them (make fit does) and build.")
    whole, without = read_evidence(database, kinds), [read_evidence(part, kinds) for part in parts]
    rows, starts, truth, fold, is_hidden, labelled, rivals = [], [0], [], [], [], [], []
    for project, commit, session, number in labels:
        for hidden, evidence in ((False, whole), (True, without[part_of(session)])):
            candidates = evidence.candidates.get((project, commit), [])
            if not candidates:
                continue
            truth.append(starts[-1] + candidates.index(session) if session in candidates else -1)
            rows.extend(evidence.strengths[(project, commit, candidate)] for candidate in candidates)
            starts.append(len(rows))
            fold.append(number)
            is_hidden.append(hidden)
            labelled.append((project, commit, session))
            rivals.extend(candidates)
    numbers = (np.array(values) for values in (rows, starts, truth, fold, is_hidden))
    return Commits(*numbers, labelled, rivals), kinds


def fit(commits: Commits, chosen: Any, kinds: list[tuple[str, str, float]]) -> Any:
    """The weights of all kinds and, last, the score of nobody, fitted to the commits where `chosen` is true."""
    prior = np.array([weight for _, _, weight in kinds])
    importance = np.where(chosen, np.where(commits.is_hidden, HIDDEN_WEIGHT, 1.0), 0)
    first, segment = commits.starts[:-1], np.repeat(np.arange(len(chosen)), np.diff(commits.starts))
    known = commits.truth >= 0
    is_true = np.zeros(len(commits.strengths))
    is_true[commits.truth[known]] = 1
    candidates = np.diff(commits.starts)

    def loss(weights: Any) -> tuple[float, Any]:
        scores, nobody = commits.strengths @ weights[:-1], weights[-1]
        top = np.maximum(np.maximum.reduceat(scores, first), nobody)
        odds, nobody_odds = np.exp(scores - top[segment]), np.exp(nobody - top)
        total = np.add.reduceat(odds, first) + nobody_odds
        share, nobody_share = odds / total[segment], nobody_odds / total
        right = np.where(known, share[np.maximum(commits.truth, 0)], nobody_share)
        mixed = (1 - WRONG_LABELS) * right + WRONG_LABELS / (candidates + 1)
        pull = importance * (1 - WRONG_LABELS) * right / mixed
        value = -(importance * np.log(mixed)).sum() / importance.sum() + PENALTY * ((weights[:-1] - prior) ** 2).sum()
        slope = -(commits.strengths.T @ ((is_true - share) * pull[segment])) / importance.sum()
        nobody_slope = -((~known - nobody_share) * pull).sum() / importance.sum()
        return value, np.append(slope + 2 * PENALTY * (weights[:-1] - prior), nobody_slope)

    bounds = [(0, None) if direction == "for" else (None, 0) for _, direction, _ in kinds] + [(None, None)]
    return minimize(loss, np.append(prior, 0), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000}).x


def calibrate(shares: Any, right: Any) -> list[float]:
    """The confidence at each of POINTS: a logistic regression of being right on the logit of the share."""

    def logit(share: Any) -> Any:
        bounded = np.clip(share, 1e-6, 1 - 1e-4)
        return np.log(bounded / (1 - bounded))

    def loss(parameters: Any) -> float:
        return float(np.logaddexp(0, np.where(right, -1, 1) * (parameters[0] * logit(shares) + parameters[1])).sum())

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", options={"xatol": 1e-6}).x
    confidence = 1 / (1 + np.exp(-(slope * logit(np.array(POINTS)) + offset)))
    return [0.0, *confidence[1:]]


def write(name: str, header: list[str], rows: list[list[object]]) -> None:
    """Replace a seed of the correlation."""
    with (SEEDS / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def fit_weights(database: Path, fitted_on: str) -> None:
    """Write seed evidence_weights."""
    commits, kinds = read(database, warehouses())
    rows: list[list[object]] = []
    for fold in range(int(commits.fold.max()) + 1):
        weights = fit(commits, commits.fold != fold, kinds)
        for kind, weight in zip([kind for kind, _, _ in kinds] + ["nobody"], weights, strict=True):
            rows.append([fold, kind, round(float(weight), DECIMALS) + 0.0, fitted_on, WEIGHTS_VERSION])
    write("evidence_weights.csv", ["fold", "evidence_kind", "weight", "fitted_on", "weights_version"], rows)
    for _, kind, weight, *_ in rows[: len(kinds) + 1]:
        print(f"{kind:20}{weight:9.3f}")


def fit_confidence(database: Path) -> None:
    """Write seed confidence_points."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(SHARES).fetchall()
    if not found:
        sys.exit("fit: no labelled commit has been scored: build with the fitted weights first (make fit does).")
    folds, shares, right = (np.array(values) for values in zip(*found, strict=True))
    rows: list[list[object]] = []
    for fold in range(int(folds.max()) + 1):
        points = calibrate(shares[folds != fold].astype(float), right[folds != fold].astype(bool))
        rows += [[fold, share, round(float(value), DECIMALS)] for share, value in zip(POINTS, points, strict=True)]
    write("confidence_points.csv", ["fold", "share", "confidence"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=["weights", "confidence"])
    parser.add_argument("database", type=Path)
    parser.add_argument("--fitted-on", default="", help="what `fitted_on` of the weights says")
    arguments = parser.parse_args()
    if arguments.part == "weights":
        fit_weights(arguments.database, arguments.fitted_on)
    else:
        fit_confidence(arguments.database)


if __name__ == "__main__":
    main()
