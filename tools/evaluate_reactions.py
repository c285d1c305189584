"""Measure the reactions against people's labels: build the corpus of OPE_CORPUS_DIR with its labels, print figures.

`make evaluate` and `make fit` call this. The data directory is target/reactions, which is kept, so that a second run
only builds what has changed. The figures are those of the mart `reaction_quality`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import duckdb

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "target" / "reactions"
PROJECT = "entire-cli"
# Where each set of labels lies. `more`: further messages of the same corpus, labelled by a language model, for the fit.
LABELS = {
    "train": Path("reactions_train.csv"),
    "more": Path(__file__).with_name("reaction_labels.csv").resolve(),
    "evaluate": Path("reactions.csv"),
}
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


def run(*command: str) -> None:
    """Run a command of this repository on the data directory; ends the program where it fails."""
    environment = os.environ | {"OPE_DATA_DIR": str(DATA), "DBT_PROFILES_DIR": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"evaluate: {' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def build(labels: list[str]) -> None:
    """Archive, land and build the corpus with the named sets of labels, and no others."""
    configured = os.environ.get("OPE_CORPUS_DIR", "")
    corpus = Path(configured).resolve() / PROJECT
    if not configured or not (corpus / "sessions.tar.xz").is_file():
        sys.exit(f"evaluate: set OPE_CORPUS_DIR to a directory with {PROJECT}/sessions.tar.xz and its labels.")
    sessions = DATA.with_name("reactions-corpus") / "projects"
    if not sessions.is_dir():
        with tarfile.open(corpus / "sessions.tar.xz") as archive:
            archive.extractall(sessions.parent, filter="data")
    DATA.mkdir(parents=True, exist_ok=True)
    ingest = (sys.executable, "-m", "ingest")
    if not (DATA / "projects.json").is_file():
        source = ("--sessions", str(sessions), "--git-metadata", str(corpus / "git-metadata.json"))
        run(*ingest, "add-project", "--name", "Entire CLI", "--id", PROJECT, *source)
    for name in LABELS:
        (DATA / "validation" / PROJECT / f"reaction.{name}.csv").unlink(missing_ok=True)
    run(*ingest, "sync")
    for name in labels:
        file = str(corpus / LABELS[name])  # an absolute path stays what it is
        run(*ingest, "import-labels", "--project", PROJECT, "--kind", "reaction", "--set", name, file)
    dbt = str(Path(sys.executable).with_name("dbt"))
    run(dbt, "--log-level", "error", "build", "--exclude-resource-type", "unit_test")


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
        for name in LABELS:
            print(f"\n{name}, sure labels")
            print("\n".join(lines_of_confusion(connection.execute(CONFUSION, [PROJECT, name]).fetchall())))


def main() -> int:
    """`build` or `print`."""
    parser = argparse.ArgumentParser(prog="evaluate_reactions", description=(__doc__ or "").split("\n\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build the corpus with labels in target/reactions")
    building.add_argument("--labels", nargs="+", choices=sorted(LABELS), default=[])
    commands.add_parser("print", help="print the figures")
    options = parser.parse_args()
    if options.command == "build":
        build(options.labels)
    else:
        print_figures(DATA / "ope.db")
    return 0


if __name__ == "__main__":
    sys.exit(main())
