"""Fit the weights of the reaction rules to people's labels and write seeds/taxonomy/reaction_weights.csv.

`make fit` builds the warehouse with the labels and calls this with .venv-lab. The features are those that the models
computed (`int_turns__reaction_features`), so SQL is the only code that reads a text. The fit is a multinomial logistic
regression with an L2 penalty: deterministic, and the same input gives the same file.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

SEED = Path(__file__).resolve().parent.parent / "seeds" / "taxonomy" / "reaction_weights.csv"
TYPES = ("approve", "correct", "question", "redirect")
# Strength of the penalty, weight of labels that their reader was not sure of, folds of the cross-validation.
INVERSE_PENALTY = 0.3
UNSURE_WEIGHT = 0.5
FOLDS = 10
DECIMALS = 4

LABELLED = """
    select labels.session_id, labels.label, labels.is_sure, signs.session_id, signs.turn_index
    from staging.stg_validation__labels as labels
    inner join intermediate.int_turns__reaction_signs as signs
        on labels.message_uuid = signs.next_uuid
    where labels.label_kind = 'reaction' and labels.label_set = 'train'
    order by labels.message_uuid, labels.label, signs.session_id
"""
FEATURES = """
    select distinct features.session_id, features.turn_index, features.rule_id
    from intermediate.int_turns__reaction_features as features
    inner join reference.reaction_rules as rules on features.rule_id = rules.rule_id
    where features.text_kind in ('prompt', 'turn') and not rules.is_explicit and coalesce(rules.signal, '') != 'readable'
    order by all
"""
RULES = """
    select rule_id from reference.reaction_rules
    where not is_explicit and coalesce(signal, '') != 'readable' order by rule_id
"""


def new_model() -> LogisticRegression:
    """The model that is fitted, alike for the folds and for the seed."""
    return LogisticRegression(C=INVERSE_PENALTY, max_iter=5000, tol=1e-8)


def read(database: Path) -> tuple[Any, Any, Any, Any, list[str]]:
    """Matrix of features, labels, weights of the labels, sessions, names of the features."""
    with duckdb.connect(str(database), read_only=True) as connection:
        labelled = connection.execute(LABELLED).fetchall()
        found = connection.execute(FEATURES).fetchall()
        rules = [row[0] for row in connection.execute(RULES).fetchall()]
    labelled = [row for row in labelled if row[1] in TYPES]
    if not labelled:
        sys.exit("fit: no labels of set 'train' in the warehouse: import them (python -m ingest import-labels), build.")
    of_turn: dict[tuple[str, int], set[str]] = {}
    for session, turn, rule in found:
        of_turn.setdefault((session, turn), set()).add(rule)
    matrix = np.array([[float(rule in of_turn.get(row[3:5], ())) for rule in rules] for row in labelled])
    labels = np.array([row[1] for row in labelled])
    weights = np.array([1.0 if row[2] else UNSURE_WEIGHT for row in labelled])
    sessions = np.array([row[0] for row in labelled])
    return matrix, labels, weights, sessions, rules


def cross_validated(matrix: Any, labels: Any, weights: Any, sessions: Any) -> Any:
    """Probabilities of each type from models that never saw the session."""
    probabilities = np.zeros((len(labels), len(TYPES)))
    for seen, unseen in GroupKFold(FOLDS).split(matrix, labels, sessions):
        model = new_model().fit(matrix[seen], labels[seen], sample_weight=weights[seen])
        columns = [TYPES.index(label) for label in model.classes_]
        probabilities[np.ix_(unseen, columns)] = model.predict_proba(matrix[unseen])
    return probabilities


def show(probabilities: Any, labels: Any, weights: Any, threshold: float) -> None:
    """Print coverage and accuracy of the cross-validation, for all labels and for those that are sure."""
    guesses = np.array(TYPES)[probabilities.argmax(axis=1)]
    known = probabilities.max(axis=1) >= threshold
    for name, chosen in (("all", weights > 0), ("sure", weights == 1)):
        hits = (guesses == labels)[chosen & known]
        print(f"  {name:5} {chosen.sum():4} labels  coverage {known[chosen].mean():.3f}  accuracy {hits.mean():.3f}")


def write(model: LogisticRegression, rules: list[str], fitted_on: str, version: str) -> None:
    """The seed: one row per rule and type, the bias first; a rule that weighs nothing has no row."""
    with SEED.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target, lineterminator="\n")
        writer.writerow(["rule_id", "reaction_type", "weight", "fitted_on", "taxonomy_version"])
        columns = [model.intercept_, *model.coef_.T]
        for rule, column in zip(["bias", *rules], columns, strict=True):
            for label, weight in zip(model.classes_, column, strict=True):
                if rule == "bias" or round(float(weight), DECIMALS) != 0:
                    writer.writerow([rule, label, f"{weight:.{DECIMALS}f}", fitted_on, version])


def main() -> int:
    """Read the warehouse, report the cross-validation, write the seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("database", type=Path, help="warehouse with labels of set 'train'")
    parser.add_argument("--fitted-on", required=True, help="name of the labels, for the seed")
    parser.add_argument("--threshold", type=float, default=0.5, help="reaction_min_confidence")
    options = parser.parse_args()
    matrix, labels, weights, sessions, rules = read(options.database)
    with duckdb.connect(str(options.database), read_only=True) as connection:
        version = connection.execute("select max(taxonomy_version) from reference.reaction_rules").fetchall()[0][0]
    print(f"fit: {len(labels)} labels of {len(set(sessions))} sessions, {len(rules)} rules; cross-validated by session:")
    show(cross_validated(matrix, labels, weights, sessions), labels, weights, options.threshold)
    write(new_model().fit(matrix, labels, sample_weight=weights), rules, options.fitted_on, version)
    print(f"fit: wrote {SEED.relative_to(Path.cwd()) if SEED.is_relative_to(Path.cwd()) else SEED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
