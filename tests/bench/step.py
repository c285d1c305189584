"""One step alone, in a process of its own: python -m tests.bench.step archive|land|git [REPOSITORY]."""

from __future__ import annotations

import sys
from pathlib import Path

from ingest.archive import archive_project
from ingest.git_history import extract_history
from ingest.landing import land
from ingest.paths import DataDir
from ingest.redaction import Redactor, load_or_create_key
from ingest.registry import load_projects
from ingest.runlog import new_run_id


def main(step: str, *arguments: str) -> None:
    data = DataDir.from_environment()
    redactor = Redactor.load(load_or_create_key(data.redaction_key))
    if step == "archive":
        for project in load_projects(data):
            archive_project(data, project, redactor, new_run_id())
    elif step == "land":
        land(data, load_projects(data), new_run_id())
    elif step == "git":
        extract_history(Path(arguments[0]), data.git_metadata("bench"), redactor)
    else:
        raise SystemExit(f"There is no step {step!r}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
