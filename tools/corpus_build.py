"""Builds the corpus of OPE_CORPUS_DIR with people's labels, for `make fit` and `make evaluate`.

    python -m tools.corpus_build [SET]...

The data directory is target/corpus, which is kept: a second run only builds what has changed. It holds the named sets
of labels and no others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "target" / "corpus"
DATABASE = DATA / "ope.db"
PROJECT = "entire-cli"


@dataclass(frozen=True)
class LabelSet:
    """A file of labels of one kind; a relative path is one in the directory of the corpus."""

    kind: str
    file: Path


# `more`: further messages of the same corpus, labelled by a language model, for the fit.
# `checkpoints`: which session a commit came from, as the authors of the corpus named it in the commit.
LABELS = {
    "train": LabelSet("reaction", Path("reactions_train.csv")),
    "more": LabelSet("reaction", Path(__file__).with_name("reaction_labels.csv").resolve()),
    "evaluate": LabelSet("reaction", Path("reactions.csv")),
    "checkpoints": LabelSet("session_commit", Path("labels.csv")),
}


def run(*command: str, data: Path = DATA) -> None:
    """Run a command of this repository on a data directory; ends the program where it fails."""
    environment = os.environ | {"OPE_DATA_DIR": str(data), "DBT_PROFILES_DIR": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"corpus: {' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def corpus_directory() -> Path:
    """Where the corpus lies; ends the program where it does not."""
    configured = os.environ.get("OPE_CORPUS_DIR", "")
    corpus = Path(configured).resolve() / PROJECT
    if not configured or not (corpus / "sessions.tar.xz").is_file():
        sys.exit(f"corpus: set OPE_CORPUS_DIR to a directory with {PROJECT}/sessions.tar.xz and its labels.")
    return corpus


def build(labels: list[str]) -> None:
    """Archive, land and build the corpus with the named sets of labels, and no others."""
    corpus = corpus_directory()
    sessions = DATA.with_name("corpus-sources") / "projects"
    if not sessions.is_dir():
        with tarfile.open(corpus / "sessions.tar.xz") as archive:
            archive.extractall(sessions.parent, filter="data")
    DATA.mkdir(parents=True, exist_ok=True)
    ingest = (sys.executable, "-m", "ingest")
    if not (DATA / "projects.json").is_file():
        source = ("--sessions", str(sessions), "--git-metadata", str(corpus / "git-metadata.json"))
        run(*ingest, "add-project", "--name", "Entire CLI", "--id", PROJECT, *source)
    for name, labelled in LABELS.items():
        if name not in labels:
            (DATA / "validation" / PROJECT / f"{labelled.kind}.{name}.csv").unlink(missing_ok=True)
    run(*ingest, "sync")
    for name in labels:
        source = str(corpus / LABELS[name].file)  # an absolute path stays what it is
        run(*ingest, "import-labels", "--project", PROJECT, "--kind", LABELS[name].kind, "--set", name, source)
    dbt = str(Path(sys.executable).with_name("dbt"))
    run(dbt, "--log-level", "error", "build", "--exclude-resource-type", "unit_test")


def main() -> int:
    """Build with the sets of labels that are named."""
    parser = argparse.ArgumentParser(prog="corpus_build", description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("labels", nargs="*", metavar="SET", help=f"sets of labels: {', '.join(LABELS)}")
    options = parser.parse_args()
    unknown = sorted(set(options.labels) - set(LABELS))
    if unknown:
        parser.error(f"no such set of labels: {', '.join(unknown)}; there are {', '.join(LABELS)}")
    build(options.labels)
    return 0


if __name__ == "__main__":
    sys.exit(main())
