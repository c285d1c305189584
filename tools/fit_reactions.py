"""Fit the weights of the reaction rules to people's labels and write seeds/taxonomy/reaction_weights.csv.

`make fit` builds the warehouse with the labels and calls this with .venv-lab. The features are those that the models
computed (`int_turns__reaction_features`), so SQL is the only code that reads a text. The fit is a multinomial logistic
regression whose penalty draws each weight to the one that the rule has by hand (`reaction_rules.weight`): what the
labels say little about keeps the meaning that its author gave it. Deterministic: the same input gives the same file.
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
from sklearn.model_selection import GroupKFold

SEED = Path(__file__).resolve().parent.parent / "seeds" / "taxonomy" / "reaction_weights.csv"
TYPES = ("approve", "correct", "question", "redirect")
# Strength of the penalty on weights and on the bias, weight of labels that their reader was not sure of, folds.
PENALTY = 4.0
BIAS_PENALTY = 0.02
UNSURE_WEIGHT = 0.5
FOLDS = 10
DECIMALS = 4

LABELLED = """
    select
        labels.label, labels.is_sure, signs.session_id, signs.turn_index,
        coalesce(sessions.first_cwd, labels.session_id) as directory
    from staging.stg_validation__labels as labels
    inner join intermediate.int_turns__reaction_signs as signs on labels.message_uuid = signs.next_uuid
    left join main.sessions as sessions on signs.session_id = sessions.session_id
    where labels.label_kind = 'reaction' and labels.label_set = 'train'
    order by labels.message_uuid, labels.label, signs.session_id
"""
FEATURES = """
    select distinct session_id, turn_index, rule_id from intermediate.int_turns__reaction_features
    where text_kind in ('prompt', 'turn')
    order by all
"""
RULES = """
    select rules.rule_id, split_part(rules.reaction_id, '.', 1), cast(rules.weight as double), rules.taxonomy_version
    from reference.reaction_rules as rules
    where not rules.is_explicit and coalesce(rules.signal, '') != 'readable'
    order by rules.rule_id
"""


class Labelled(NamedTuple):
    """Labelled turns: a row of `matrix` per label, a column per rule; `prior` has a row per rule, a column per type."""

    matrix: Any
    labels: Any
    certainty: Any
    sessions: Any
    people: Any
    rules: list[str]
    prior: Any
    version: str


def read(database: Path) -> Labelled:
    """What the warehouse says of the labels of set `train`."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = [row for row in connection.execute(LABELLED).fetchall() if row[0] in TYPES]
        found = connection.execute(FEATURES).fetchall()
        rules = connection.execute(RULES).fetchall()
    if not rows:
        sys.exit("fit: the warehouse has no labels of set 'train': import them (make fit does) and build.")
    of_turn: dict[tuple[str, int], set[str]] = {}
    for session, turn, rule in found:
        of_turn.setdefault((session, turn), set()).add(rule)
    names = [rule[0] for rule in rules]
    return Labelled(
        matrix=np.array([[float(name in of_turn.get(row[2:4], ())) for name in names] for row in rows]),
        labels=np.array([TYPES.index(row[0]) for row in rows]),
        certainty=np.array([1.0 if row[1] else UNSURE_WEIGHT for row in rows]),
        sessions=np.array([row[2] for row in rows]),
        # the home directory, which is as near as a log comes to a person
        people=np.array(["/".join(row[4].split("/")[:3]) for row in rows]),
        rules=names,
        prior=np.array([[rule[2] if rule[1] == name else 0.0 for name in TYPES] for rule in rules]),
        version=max(rule[3] for rule in rules),
    )


def probabilities(weights: Any, bias: Any, matrix: Any) -> Any:
    """Probability of each type, a row per row of `matrix`."""
    scores = matrix @ weights + bias
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def fitted(matrix: Any, labels: Any, certainty: Any, prior: Any) -> tuple[Any, Any]:
    """Weights (rule by type) and bias (type) with the least penalised loss."""
    wanted = np.eye(len(TYPES))[labels]

    def loss(parameters: Any) -> tuple[float, Any]:
        weights, bias = parameters[: prior.size].reshape(prior.shape), parameters[prior.size :]
        likely = probabilities(weights, bias, matrix)
        miss = (likely - wanted) * certainty[:, None]
        value = -(certainty * np.log(likely[np.arange(len(labels)), labels])).sum()
        value += PENALTY / 2 * ((weights - prior) ** 2).sum() + BIAS_PENALTY / 2 * (bias**2).sum()
        slope = [(matrix.T @ miss + PENALTY * (weights - prior)).ravel(), miss.sum(axis=0) + BIAS_PENALTY * bias]
        return float(value), np.concatenate(slope)

    start = np.concatenate([prior.ravel(), np.zeros(len(TYPES))])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-12, "gtol": 1e-8}).x
    bias = found[prior.size :]
    # Unsure labels are the hard ones, not the usual ones: the shares of the types are those of the sure labels.
    usual = np.array([(labels[certainty == 1] == index).sum() for index in range(len(TYPES))]) + 1.0
    seen = np.array([certainty[labels == index].sum() for index in range(len(TYPES))]) + 1.0
    return found[: prior.size].reshape(prior.shape), bias + np.log(usual / usual.sum()) - np.log(seen / seen.sum())


def show_unseen(data: Labelled, groups: Any, name: str, threshold: float) -> None:
    """Print coverage and accuracy where the group of the label was left out of the fit."""
    likely = np.zeros((len(data.labels), len(TYPES)))
    for seen, unseen in GroupKFold(min(FOLDS, len(set(groups)))).split(data.matrix, data.labels, groups):
        weights, bias = fitted(data.matrix[seen], data.labels[seen], data.certainty[seen], data.prior)
        likely[unseen] = probabilities(weights, bias, data.matrix[unseen])
    hits, known = likely.argmax(axis=1) == data.labels, likely.max(axis=1) >= threshold
    for kind, chosen in (("all labels", data.certainty > 0), ("sure labels", data.certainty == 1)):
        print(
            f"  by {name:8} {kind:12} {chosen.sum():4}  coverage {known[chosen].mean():.3f}"
            f"  accuracy {hits[chosen & known].mean():.3f}"
        )


def write(data: Labelled, fitted_on: str) -> None:
    """The seed: one row per rule and type, the bias first; a weight of nothing has no row."""
    weights, bias = fitted(data.matrix, data.labels, data.certainty, data.prior)
    with SEED.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["rule_id", "reaction_type", "weight", "fitted_on", "taxonomy_version"])
        for rule, row in zip(["bias", *data.rules], [bias, *weights], strict=True):
            for label, weight in zip(TYPES, row, strict=True):
                if rule == "bias" or round(float(weight), DECIMALS) != 0:
                    writer.writerow([rule, label, f"{weight:.{DECIMALS}f}", fitted_on, data.version])


def main() -> int:
    """Read the warehouse, report the cross-validation, write the seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("database", type=Path, help="warehouse with labels of set 'train'")
    parser.add_argument("--fitted-on", required=True, help="name of the labels, for the seed")
    parser.add_argument("--threshold", type=float, default=0.5, help="as the variable reaction_min_confidence")
    options = parser.parse_args()
    data = read(options.database)
    print(f"fit: {len(data.labels)} labels of {len(set(data.sessions))} sessions, {len(data.rules)} rules, left out:")
    show_unseen(data, data.sessions, "session", options.threshold)
    show_unseen(data, data.people, "person", options.threshold)
    write(data, options.fitted_on)
    print(f"fit: wrote {SEED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
