"""One night: sync → build → publish → report → check → clean up → back up. What stops it, the next one goes on from.

Every step is safe to repeat, so nothing has to be remembered of a night that was killed: sync reads what its manifests
do not know, dbt builds what its ledger does not know, and `marts.db` is either the old file or the new one.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.care.backup_schedule import DueBackup, backup_if_due
from ingest.care.data_commit import DataCommit, commit_gain
from ingest.database import opened
from ingest.errors import IngestError
from ingest.landing_operations import land_operations
from ingest.locks import Holder, data_lock
from ingest.nightly.build import Built, build, require_good
from ingest.nightly.cleanup import CleanedUp, clean_up
from ingest.nightly.outputs import metadata, write_outputs
from ingest.operations.history import ENDS
from ingest.operations.quality import QualityReport, report_of_run, sentence
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.privacy.check import Checked
from ingest.privacy.new import REDACTED_REPORT, check_new, clean_document, sentences
from ingest.progress import Progress, labelled
from ingest.publishing.gates import WithheldError
from ingest.publishing.publish import Published, publish
from ingest.redaction import Redactor, load_redactor
from ingest.runlog import new_run_id, now, step
from ingest.status import read_warnings
from ingest.sync import SyncResult, sync

if TYPE_CHECKING:
    from collections.abc import Iterator

OK, FAILED, WITHHELD = ENDS


@dataclass
class Night:
    """What a night did; a step that was not reached is None. Times are UTC.

    `failures`, `withheld` (why marts.db stays as it was) and `warnings` are sentences; `resumed` is who was killed
    before; `outputs` the directory with metadata.json, `document` what stands in it.
    """

    run_id: str
    started_at: datetime
    ended_at: datetime | None = None
    resumed: Holder | None = None
    synced: SyncResult | None = None
    built: Built | None = None
    published: Published | None = None
    committed: DataCommit | None = None
    quality: QualityReport | None = None
    checked: Checked | None = None
    backup: DueBackup | None = None
    cleaned_up: CleanedUp | None = None
    failures: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    outputs: Path | None = None
    document: dict[str, Any] = field(default_factory=dict)
    redactor: Redactor | None = field(default=None, repr=False)

    @property
    def exit_code(self) -> int:
        """0 fine, 1 something failed, 2 only the gates spoke against publication."""
        return FAILED if self.failures else WITHHELD if self.withheld else OK

    @property
    def status(self) -> str:
        return ENDS[self.exit_code]


def run_night(
    data: DataDir, progress: Progress | None = None, project: Path = PRODUCT_ROOT, *, commit: bool = False
) -> Night:
    """Do all of it for every registered project, with the dbt project in directory `project`.

    With `commit`, what the archive gained is committed to the data directory's own repository.
    Raises IngestError only where the night could not begin: another command holds the data directory, or it cannot be
    written. Everything later is in the result.
    """
    night = Night(new_run_id(), now())
    with data_lock(data, "nightly") as night.resumed:
        try:
            with step(data, night.run_id, "nightly") as counts:
                _steps(night, data, progress, project, commit)
                counts.update(exit_code=night.exit_code, failures=len(night.failures), withheld=len(night.withheld))
            if night.exit_code == OK:
                night.warnings += read_warnings(data)
        finally:
            night.ended_at = now()
            night.document = _clean_metadata(data, night)
            night.outputs = write_outputs(data, night)
        # `update_log` knows of this night from the next build on, even if that is not a night's.
        with _noting(night.warnings), opened(data) as connection:
            land_operations(connection, data, night.run_id)
    return night


def _steps(night: Night, data: DataDir, progress: Progress | None, project: Path, commit: bool) -> None:
    with _noting(night.failures):
        night.synced = sync(data, (), progress, night.run_id)
        _note_projects(night)
        with step(data, night.run_id, "build") as counts:
            night.built = build(data, project, labelled(progress, "dbt build"))
            counts.update(night.built.counts, invocation_id=night.built.invocation_id)
            require_good(night.built)
    if night.built is not None and not night.built.errors:
        try:
            with _noting(night.failures):
                night.published = publish(data, night.run_id)
        except WithheldError as error:
            night.withheld = [reason.sentence for reason in error.reasons]
    directory = data.run_outputs(night.run_id, "nightly")
    with _noting(night.warnings):
        if night.built is not None and not night.built.errors:
            night.quality = report_of_run(data, night.run_id, directory)
            if night.withheld:
                night.withheld += [sentence(gate) for gate in night.quality.gates if gate.state == "failed"]
    with _noting(night.warnings), step(data, night.run_id, "redaction") as counts:
        night.redactor = load_redactor(data)
        results = [night.built.run_results] if night.built and night.built.run_results else []
        night.checked = check_new(data, night.run_id, night.started_at, night.redactor, results)
        night.warnings += sentences(night.checked)
        counts.update(files=night.checked.files, findings=night.checked.findings, unread=len(night.checked.unread))
        counts["bytes"] = night.checked.bytes
    with _noting(night.warnings):
        night.cleaned_up = clean_up(data, night.run_id)
    with _noting(night.warnings):
        night.backup = backup_if_due(data)
    with _noting(night.failures):
        if commit and night.synced is not None:
            night.committed = commit_gain(data, night.run_id)
            night.warnings += night.committed.remarks


def _clean_metadata(data: DataDir, night: Night) -> dict[str, Any]:
    """What will be written of the night; a secret in it is replaced, and that is said."""
    document = metadata(data, night)
    if night.redactor is None:
        return document
    document, had_secret = clean_document(document, night.redactor)
    if had_secret:
        night.warnings.append(REDACTED_REPORT)
        document["warnings"].append(REDACTED_REPORT)
    return document


def _note_projects(night: Night) -> None:
    """A step that broke off is a failure; a source that is gone a warning, for its archive is kept."""
    for outcome in night.synced.projects if night.synced else ():
        night.failures.extend(f"{outcome.project_id}: {sentence}" for sentence in outcome.failures)
        night.warnings.extend(f"{outcome.project_id}: {sentence}" for sentence in outcome.gone)


@contextmanager
def _noting(sentences: list[str]) -> Iterator[None]:
    """An IngestError of the block becomes a sentence, and the night goes on after the block."""
    try:
        yield
    except WithheldError:
        raise
    except IngestError as error:
        sentences.append(str(error))
