"""One step alone, in a process of its own: python -m tests.bench.step archive|land|git|build|publish [ARGUMENT]..."""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from ingest.archive import archive_project
from ingest.git_history import extract_history
from ingest.landing import land
from ingest.paths import DataDir
from ingest.publishing.publish import publish
from ingest.redaction import Redactor, load_or_create_key
from ingest.registry import load_projects
from ingest.runlog import new_run_id


def build(told: Path, *arguments: str) -> None:
    """`dbt build` with data tests, node after node; writes to `told` what each layer took of the processor.

    Of a node's time is all since the one before it was finished, so that the sums hold dbt's own work.
    """
    started = time.process_time()
    from dbt.cli.main import dbtRunner

    seconds: dict[str, float] = defaultdict(float)
    told_so_far, built, parsed = 0.0, 0, -1

    def take(layer: str) -> None:
        nonlocal told_so_far
        now = time.process_time() - started
        seconds[layer] += now - told_so_far
        told_so_far = now

    def on_event(event: Any) -> None:
        nonlocal built, parsed
        name, data = event.info.name, event.data
        if name == "PartialParsingSkipParsing":
            parsed = 0
        elif name == "PartialParsingEnabled":
            parsed = data.added + data.changed
        elif name == "NodeStart" and "start-up" not in seconds:
            take("start-up")
        elif name == "NodeFinished":
            node = data.node_info
            take(node.node_path.split("/")[0] if node.resource_type == "model" else f"{node.resource_type}s")
            built += node.resource_type != "test" and data.run_result.message != "UNCHANGED"

    without = ("--exclude-resource-type", "unit_test", "--threads", "1")
    result = dbtRunner(callbacks=[on_event]).invoke(["--log-level", "warn", "build", *without, *arguments])
    if not result.success:
        raise SystemExit(f"dbt build failed: {result.exception}")
    take("start-up")
    told.write_text(json.dumps({"seconds": seconds, "built": built, "parsed": parsed}), encoding="utf-8")


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
    elif step == "build":
        build(Path(arguments[0]), *arguments[1:])
    elif step == "publish":
        publish(data)
    else:
        raise SystemExit(f"There is no step {step!r}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
