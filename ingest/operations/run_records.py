"""The records of the run log, `data/runs/<yyyy-mm>.jsonl`, read back: one per step, in the order of their start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest.landing_operations import RUN_FILES, utc
from ingest.paths import DataDir


def run_files(data: DataDir) -> list[Path]:
    """The files of the run log, the oldest month first."""
    return sorted(data.runs.glob(RUN_FILES))


def records_in(path: Path) -> Iterator[dict[str, Any]]:
    """The records of one file with `started` and `ended`, their times in UTC; what a killed run left is passed over."""
    for line in path.read_bytes().splitlines():
        try:
            record = orjson.loads(line)
            yield {**record, "started": utc(record["started_at"]), "ended": utc(record["ended_at"])}
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
            continue


def read_runs(data: DataDir) -> list[dict[str, Any]]:
    """Every record of the run log, in the order of their start."""
    records = (record for path in run_files(data) for record in records_in(path))
    return sorted(records, key=lambda record: record["started"])


def seconds(record: dict[str, Any]) -> float:
    """How long a step took; none where the clock jumped back meanwhile."""
    return max(0.0, (record["ended"] - record["started"]).total_seconds())
