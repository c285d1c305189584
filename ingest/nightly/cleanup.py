"""What a night clears away: only what OPE made itself and can do without."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import timedelta

from ingest.files import disk_errors
from ingest.operations.dbt_results import clean_dbt_results
from ingest.operations.log_files import clean_logs
from ingest.paths import DataDir
from ingest.publishing.compaction import Compaction, compact
from ingest.runlog import now, step
from ingest.settings import setting

_RUN_DIRECTORY = re.compile(r"run_\d{8}T\d{6}Z-[0-9a-f]+_[a-z-]+_(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class CleanedUp:
    """How many directories of old runs, logs (compressed or deleted) and rows of dbt's old results went, and what
    compaction did."""

    outputs: int
    logs: int
    dbt_results: int
    compaction: Compaction


def clean_up(data: DataDir, run_id: str) -> CleanedUp:
    """Remove leftovers, old outputs, logs and results, and compact the database where it is due.

    Raises IngestError where the disk or another program refuses.
    """
    with step(data, run_id, "clean-up") as counts:
        logs = clean_logs(data)
        counts.update(
            outputs=remove_old_outputs(data),
            logs=len(logs.compressed) + len(logs.deleted),
            dbt_results=clean_dbt_results(data),
        )
    return CleanedUp(**counts, compaction=compact(data, run_id))


def remove_old_outputs(data: DataDir) -> int:
    """Delete directories of runs that are older than `outputs_keep_days`, by the date in their name; returns how many.

    Whatever else lies in outputs/ stays.
    """
    oldest = f"{now() - timedelta(days=setting('outputs_keep_days')):%Y-%m-%d}"
    removed = 0
    for path in sorted(data.outputs.glob("run_*")):
        named = _RUN_DIRECTORY.fullmatch(path.name)
        if named and named[1] < oldest and path.is_dir() and not path.is_symlink():
            with disk_errors(path):
                shutil.rmtree(path)
            removed += 1
    return removed
