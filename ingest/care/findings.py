"""What a check of `doctor` says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from ingest.errors import IngestError
from ingest.operations.run_records import read_runs
from ingest.paths import DataDir
from ingest.registry import Project, load_projects

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `level` is ok, warning or error; `remedy` says what to do (empty: nothing)."""

    check: str
    level: str
    sentence: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """A data directory at an instant (UTC), with what several checks read."""

    data: DataDir
    moment: datetime

    @cached_property
    def projects(self) -> list[Project]:
        """Empty where the registry cannot be read: that is a finding of its own."""
        try:
            return load_projects(self.data)
        except IngestError:
            return []

    @cached_property
    def runs(self) -> list[dict[str, Any]]:
        return read_runs(self.data)

    def ends(self, step: str) -> list[datetime]:
        """When the steps of that name ended well, in order of their start."""
        return [run["ended"] for run in self.runs if run.get("step") == step and run.get("status") == "ok"]
