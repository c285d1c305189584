"""Prints how well reactions are read, against people's labels.

`make evaluate` builds the corpus with all labels (`tools.corpus_build`) and calls this. The figures are those of the
mart `reaction_quality`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tools.corpus_build import DATABASE, LABELS, PROJECT

TYPES = ("approve", "correct", "redirect", "block", "question", "unknown")

QUALITY = """
    select label_set, certainty, reaction_type, labelled, known, correct,
        coverage, coverage_low, coverage_high, accuracy, accuracy_low, accuracy_high, is_in_sample
    from main.reaction_quality where project_id = ?
    order by label_set desc, certainty desc, reaction_type = 'overall', reaction_type
"""
CONFUSION = """
    select labels.label, coalesce(reactions.reaction_type, 'unknown'), count(*)
    from staging.stg_validation__labels as labels
    left join intermediate.int_turns__reactions as reactions
        on labels.message_uuid = reactions.reaction_message_uuid
    where labels.label_kind = 'reaction' and labels.label is not null and labels.is_sure
        and labels.project_id = ? and labels.label_set = ?
    group by all
"""


def lines_of_quality(rows: list[tuple[Any, ...]]) -> list[str]:
    """Figures of each set, certainty and type as text."""
    lines: list[str] = []
    for label_set, certainty, kind, labelled, known, correct, *shares, is_in_sample in rows:
        heading = f"{label_set}, {certainty} labels" + (" (in sample: the weights were fitted to them)" * is_in_sample)
        if heading not in lines:
            lines += ["", heading]
        coverage, coverage_low, coverage_high, accuracy, accuracy_low, accuracy_high = shares
        line = f"  {kind:9} {labelled:4} labelled {known:4} known {correct:4} correct"
        line += f"   coverage {coverage:.3f} [{coverage_low:.3f}, {coverage_high:.3f}]"
        if accuracy is not None:
            line += f"   accuracy {accuracy:.3f} [{accuracy_low:.3f}, {accuracy_high:.3f}]"
        lines.append(line)
    return lines


def lines_of_confusion(rows: list[tuple[str, str, int]]) -> list[str]:
    """Confusion matrix as text: a row per label, a column per reaction."""
    counts = {(label, reaction): count for label, reaction, count in rows}
    lines = ["  label \\ reaction " + "".join(f"{kind:>10}" for kind in TYPES)]
    for label in TYPES[:-1]:
        lines.append(f"  {label:17}" + "".join(f"{counts.get((label, kind), 0):>10}" for kind in TYPES))
    return lines


def print_figures(database: Path) -> None:
    """Print what the mart says, and the confusion matrix of each set."""
    with duckdb.connect(str(database), read_only=True) as connection:
        print("\n".join(lines_of_quality(connection.execute(QUALITY, [PROJECT]).fetchall())))
        for name in (name for name, labelled in LABELS.items() if labelled.kind == "reaction"):
            print(f"\n{name}, sure labels")
            print("\n".join(lines_of_confusion(connection.execute(CONFUSION, [PROJECT, name]).fetchall())))


if __name__ == "__main__":
    print_figures(DATABASE)
