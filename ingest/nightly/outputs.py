"""`data/outputs/run_<id>_nightly_<date>/`: what a night leaves to read."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import orjson

from ingest import __version__
from ingest.files import write_atomically
from ingest.operations.run_records import read_runs, seconds
from ingest.paths import DataDir

if TYPE_CHECKING:
    from ingest.nightly.night import Night

METADATA_VERSION = 1


def write_outputs(data: DataDir, night: Night) -> Path:
    """Write metadata.json and, where dbt came to an end, its run_results.json; returns the directory.

    Raises IngestError when the disk refuses.
    """
    directory = data.run_outputs(night.run_id, "nightly")
    results = night.built.run_results if night.built else None
    if results is not None and results.is_file():
        write_atomically(directory / "run_results.json", results.read_bytes())
    content = orjson.dumps(night.document, option=orjson.OPT_INDENT_2, default=str)
    write_atomically(directory / "metadata.json", content + b"\n")
    return directory


def metadata(data: DataDir, night: Night) -> dict[str, Any]:
    """What happened, as a document: status, steps with counts and seconds, versions, sentences."""
    ended_at = night.ended_at or night.started_at
    published = night.published
    return {
        "schema_version": METADATA_VERSION,
        "run_id": night.run_id,
        "command": "nightly",
        "status": night.status,
        "success": night.exit_code == 0,
        "exit_code": night.exit_code,
        "started_at": night.started_at,
        "ended_at": ended_at,
        "seconds": round((ended_at - night.started_at).total_seconds(), 3),
        "steps": [_step(record) for record in read_runs(data) if record["run_id"] == night.run_id],
        "published": None if published is None else {"tables": published.tables, "rows": published.rows},
        "quality_score": night.quality.score if night.quality else None,
        "failures": night.failures,
        "withheld": night.withheld,
        "warnings": night.warnings,
        "resumed_after": None if night.resumed is None else str(night.resumed),
        "versions": {
            "ope": __version__,
            "python": platform.python_version(),
            "dbt-core": version("dbt-core"),
            "dbt-duckdb": version("dbt-duckdb"),
            "duckdb": duckdb.__version__,
        },
    }


def _step(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record.get(key) for key in ("step", "project_id", "status", "counts", "bytes", "error")} | {
        "seconds": round(seconds(record), 3)
    }
