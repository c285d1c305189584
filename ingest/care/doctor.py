"""`doctor`: look at everything that a night depends on; each finding with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb

from ingest.care.checks_files import (
    check_databases,
    check_disk,
    check_key,
    check_leftovers,
    check_permissions,
    check_writable,
    close_paths,
)
from ingest.care.checks_place import check_backups, check_place, check_repository
from ingest.care.checks_program import check_git, check_pins, check_python
from ingest.care.checks_sharing import check_consent
from ingest.care.checks_sources import check_cleanup, check_clock, check_hooks, check_registry, check_rules, check_syncs
from ingest.care.findings import ERROR, WARNING, Finding, Patient
from ingest.errors import IngestError
from ingest.files import printable
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.runlog import new_run_id, now, step

Check = Callable[[Patient], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (
    *(check_python, check_pins, check_git),
    *(check_writable, check_place, check_repository, check_permissions, check_key, check_rules, check_consent),
    *(check_databases, check_disk, check_leftovers),
    *(check_registry, check_cleanup, check_syncs, check_clock, check_hooks, check_backups),
)


@dataclass(frozen=True)
class Diagnosis:
    """All findings in the order of the checks."""

    findings: list[Finding]

    def count(self, level: str) -> int:
        return sum(finding.level == level for finding in self.findings)

    @property
    def must_be_mended(self) -> bool:
        return bool(self.count(ERROR))

    @property
    def warnings(self) -> int:
        return self.count(WARNING)


def examine(data: DataDir) -> Diagnosis:
    """Run every check. Changes nothing, and never fails: a check that cannot be made is a finding."""
    patient = Patient(data, now())
    return Diagnosis([finding for check in CHECKS for finding in _findings(check, patient)])


def fix_permissions(data: DataDir) -> int:
    """Close to others whatever is this user's own in the data directory. Returns how many paths were changed.

    Raises IngestError where the file system refuses, or another command is at work.
    """
    if not data.root.is_dir():
        return 0
    with data_lock(data, "doctor --fix"), step(data, new_run_id(), "doctor-fix") as counts:
        counts["closed"] = close_paths(data)
    return int(counts["closed"])


def _findings(check: Check, patient: Patient) -> list[Finding]:
    try:
        return list(check(patient))
    except (IngestError, OSError, duckdb.Error) as error:
        name = check.__name__.removeprefix("check_")
        said = str(error) if isinstance(error, IngestError) else f"{type(error).__name__}: {error}"
        return [Finding(name, ERROR, f"This check could not be made: {printable(said)}", "Put that right first.")]
