"""Source files into `data/raw/<project>`: append-only, redacted before anything is written, safe to kill at any time.

The manifest is the commit point. Archived bytes are made durable first, then their entries are appended; what lies in
an archived file beyond its entry is cut off by the next run, which then goes on from the entry.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.agents import SourceFile
from ingest.agents.claude_code import list_files
from ingest.archive_copy import (
    TAIL_GIVE_UP_SECONDS,
    TAIL_QUIET_SECONDS,
    Copied,
    TailRule,
    Workshop,
)
from ingest.archive_file import Meter, Outcome, copy_file
from ingest.archive_plan import SESSIONS, Work, name_redactor, plan, versions
from ingest.archive_repair import TAIL_LOST, check_untouched, recover_unlisted
from ingest.cold.part import part_files, root_of
from ingest.cold.sources import grown_cold, is_as_archived, recovered_cold
from ingest.errors import IngestError, Problem
from ingest.files import (
    disk_errors,
    exclusive_lock,
    fsync_directory,
    safe_join,
)
from ingest.forgetting.tombstones import Tombstones, read_tombstones
from ingest.manifest import Manifest, ManifestEntry, read_manifest
from ingest.paths import DataDir
from ingest.privacy.rewrite_archive import finish_rewrite
from ingest.redaction import Redactor, load_or_create_key
from ingest.registry import Project

__all__ = ["ArchiveResult", "ManifestEntry", "archive_project", "read_manifest"]

STEP = "archive"
COMMIT_BYTES = 64 * 1024 * 1024
COMMIT_FILES = 500
SCRATCH = ".scratch"


@dataclass
class ArchiveResult:
    """What one run did. Files are counted once each; bytes and lines are those of this run."""

    seen: int = 0
    new: int = 0
    grown: int = 0
    rewritten: int = 0
    unchanged: int = 0
    unreadable: int = 0
    vanished: int = 0  # archived, but no longer there
    woken: int = 0  # root sessions that came back from cold storage, because they went on
    forgotten: int = 0  # files of forgotten sessions, which are passed over
    sidecars: int = 0  # of those seen
    pending_files: int = 0  # with a last line that is not taken yet
    pending_bytes: int = 0
    source_bytes_read: int = 0
    archived_bytes: int = 0
    archived_lines: int = 0
    redactions: Counter[str] = field(default_factory=Counter)  # by rule
    problems: list[Problem] = field(default_factory=list)  # paths are below raw/<project>/


def archive_project(
    data: DataDir,
    project: Project,
    redactor: Redactor,
    run_id: str,
    progress: Callable[[int, int], None] | None = None,
    *,
    now: float | None = None,
    tail_quiet_seconds: float = TAIL_QUIET_SECONDS,
    tail_give_up_seconds: float = TAIL_GIVE_UP_SECONDS,
    wake: Callable[[set[str]], None] | None = None,
) -> ArchiveResult:
    """Bring the archive of one project up to date with its source directories.

    `progress` gets (bytes done, bytes in all). `now` (seconds since 1970) only decides which unfinished last lines are
    taken. `wake` brings root sessions back from cold storage that went on; of one that stays there, what its source
    holds becomes a new version. Raises IngestError when the disk refuses or another run is at work; what was committed
    until then stays.
    """
    raw = data.raw(project.project_id)
    with exclusive_lock(raw, f"the archive of {project.project_id!r}"):
        finish_rewrite(raw)
        is_first = not data.manifest(project.project_id).exists()
        manifest = Manifest.open(data.manifest(project.project_id))
        run = _Run(
            raw=raw,
            manifest=manifest,
            redactor=redactor,
            hash_key=load_or_create_key(data.redaction_key),
            run_id=run_id,
            tail_rule=TailRule(time.time() if now is None else now, tail_quiet_seconds, tail_give_up_seconds),
        )
        if manifest.damaged or (is_first and ((raw / SESSIONS).is_dir() or part_files(data, project.project_id))):
            entries, problems = recover_unlisted(raw, manifest, run_id)
            run.result.problems += problems
            manifest.append(entries)
            manifest.append(recovered_cold(data, project.project_id, manifest.entries))
            manifest.compact(force=True)
        listed = _list(project, run.result, read_tombstones(data), name_redactor(redactor.redact_text))
        run.wake_cold(listed, wake or (lambda roots: None))
        run.bring_up_to_date(listed, progress)
        run.manifest.compact()
    return run.result


def _list(
    project: Project, result: ArchiveResult, stones: Tombstones, redact_name: Callable[[str], str]
) -> dict[Path, list[SourceFile]]:
    """The files of every source directory, but for those of forgotten sessions; a directory that is gone is a problem,
    its archive stays."""
    listed: dict[Path, list[SourceFile]] = {}
    for directory in project.session_directories:
        root = Path(directory).resolve()
        if not root.is_dir():
            detail = "is it moved or not mounted? what was archived from it is kept"
            result.problems.append(Problem(STEP, f"{SESSIONS}/{root.name}", "session directory is missing", detail))
            continue
        files, problems = list_files(root)
        listed[root] = [file for file in files if not stones.has_session(redact_name(file.session_id))]
        result.forgotten += len(files) - len(listed[root])
        told = [item for item in problems if not any(map(stones.has_session, item.path.split("/")))]
        result.problems += [replace(problem, path=f"{SESSIONS}/{root.name}/{problem.path}") for problem in told]
    return listed


@dataclass
class _Run:
    raw: Path
    manifest: Manifest
    redactor: Redactor
    hash_key: bytes
    run_id: str
    tail_rule: TailRule
    result: ArchiveResult = field(default_factory=ArchiveResult)
    uncommitted: list[ManifestEntry] = field(default_factory=list)
    uncommitted_bytes: int = 0
    written: list[Path] = field(default_factory=list)

    def bring_up_to_date(
        self, listed: dict[Path, list[SourceFile]], progress: Callable[[int, int], None] | None
    ) -> None:
        redact_name = name_redactor(self.redactor.redact_text)
        self.result.problems = [replace(item, path=redact_name(item.path)) for item in self.result.problems]
        works = plan(listed, self.manifest.entries, redact_name)
        self.result.seen = len(works)
        self.result.sidecars = sum(work.file.kind == "sidecar" for work in works)
        pending = [(work, size) for work in works if (size := self._new_bytes(work)) is not None]
        taken = set(self.manifest.entries) | {work.base for work in works}
        shop = Workshop(self.raw, self.raw / SCRATCH / "copy", self.redactor, self.hash_key, self.tail_rule, taken)
        meter = Meter(sum(size for _, size in pending), progress)
        try:
            for work, size in pending:
                add = meter.of_file(size)
                self._take(copy_file(shop, work, add))
                add(None)
                if self.uncommitted_bytes >= COMMIT_BYTES or len(self.uncommitted) >= COMMIT_FILES:
                    self._commit()
            self._check_untouched({work.base for work in works})
            self._commit()
        except (IngestError, KeyboardInterrupt):
            self._commit()  # what is finished counts, whatever stopped the run
            raise
        finally:
            shutil.rmtree(self.raw / SCRATCH, ignore_errors=True)
        for entry in self.manifest.entries.values():
            self.result.pending_files += bool(entry.pending_bytes)
            self.result.pending_bytes += entry.pending_bytes

    def wake_cold(self, listed: dict[Path, list[SourceFile]], wake: Callable[[set[str]], None]) -> None:
        """Have the sessions brought back from cold storage that went on, and read the manifest again."""
        if not any(entry.cold for entry in self.manifest.entries.values()):
            return
        works = plan(listed, self.manifest.entries, name_redactor(self.redactor.redact_text))
        roots, touched = grown_cold(works, self.manifest.entries, self.hash_key)
        self.manifest.append(touched)
        if roots:
            wake(roots)
            self.manifest = Manifest.open(self.manifest.path)
            self.result.woken = len(roots - {root_of(e) for e in self.manifest.entries.values() if e.cold})

    def _new_bytes(self, work: Work) -> int | None:
        """How much there is to read of a source; None if it can be skipped without opening it."""
        entry = work.entry
        try:
            state = work.file.path.lstat()
        except OSError as error:
            self._unreadable(work, error.strerror or str(error))
            return None
        if entry is None:
            return state.st_size
        is_same = is_as_archived(entry, state)
        if entry.cold is not None and is_same:
            self.result.unchanged += 1
            return None
        waits = bool(entry.pending_bytes) and self.tail_rule.quiet_for(state) >= self.tail_rule.quiet_seconds
        is_intact = self._archived_size(entry.path) == entry.archived_bytes
        if is_same and not waits and is_intact and self._describes(entry, work):
            self.result.unchanged += 1
            return None
        return max(state.st_size - entry.consumed_bytes, 0)

    def _take(self, outcome: Outcome) -> None:
        work, copied, old = outcome.work, outcome.copied, outcome.work.entry
        if copied is None:
            self._unreadable(work, outcome.error)
            return
        if outcome.is_rewritten and old is not None and old.pending_bytes:
            self._keep(replace(old, pending_bytes=0, problem=TAIL_LOST))  # its end will never come
        self._record(outcome, None if outcome.is_rewritten else old, copied)
        self._count(work, old, copied, outcome.is_rewritten)

    def _record(self, outcome: Outcome, old: ManifestEntry | None, copied: Copied) -> None:
        work, path = outcome.work, outcome.path
        is_continued = old is not None and old.archived_bytes > 0 and path.endswith(".jsonl") and not copied.is_rebuilt
        entry = ManifestEntry(
            path=path,
            kind=work.file.kind,
            agent=work.file.agent,
            source=work.source,
            session_id=work.session_id,
            parent_session_id=work.parent_session_id,
            version=outcome.version,
            source_size=copied.source_size,
            source_mtime_ns=copied.source_mtime_ns,
            source_hash=copied.source_hash,
            consumed_bytes=copied.consumed_bytes,
            archived_bytes=copied.archived_bytes,
            archived_lines=copied.archived_lines,
            content_hash=copied.content_hash,
            pending_bytes=copied.pending_bytes,
            tail_taken=copied.tail_taken,
            rules_version=old.rules_version if old and is_continued else self.redactor.rules_version,
            first_run_id=old.first_run_id if old else self.run_id,
            last_run_id=old.last_run_id if old else self.run_id,
            problem=copied.problem,
            further=old.further if old else {},
        )
        if entry != old:
            self._keep(replace(entry, last_run_id=self.run_id))
        if copied.is_written:
            self.written.append(safe_join(self.raw, path))
            self.uncommitted_bytes += copied.added_bytes

    def _count(self, work: Work, old: ManifestEntry | None, copied: Copied, is_rewritten: bool) -> None:
        result = self.result
        if old is None:
            result.new += 1
        elif is_rewritten:
            result.rewritten += 1
        elif copied.source_size > old.source_size or copied.consumed_bytes > old.consumed_bytes:
            result.grown += 1
        else:
            result.unchanged += 1
        if copied.is_rebuilt:
            detail = "it was shorter or other than its manifest says"
            result.problems.append(Problem(STEP, old.path if old else work.base, "archived file rebuilt", detail))
        if copied.problem:
            result.problems.append(Problem(STEP, work.base, "source not readable to its end", copied.problem))
        result.source_bytes_read += copied.read_bytes
        result.archived_bytes += copied.added_bytes
        result.archived_lines += copied.added_lines
        result.redactions.update(copied.findings)

    def _check_untouched(self, live: set[str]) -> None:
        """Vanished sources and older versions: their archived files stay, and are looked at without being opened."""
        recent = {entry.path: entry for entry in self.uncommitted}
        chains = versions({**self.manifest.entries, **recent}.values())
        for base, chain in chains.items():
            self.result.vanished += base not in live and chain[-1].cold is None
            for entry in chain:
                is_current = entry is chain[-1] and base in live
                if is_current or entry.cold is not None:
                    continue
                checked, problem = check_untouched(self.raw, entry, is_gone=base not in live, run_id=self.run_id)
                if problem is not None:
                    self.result.problems.append(problem)
                if checked != entry:
                    self._keep(checked)

    def _keep(self, entry: ManifestEntry) -> None:
        self.uncommitted.append(entry)

    def _unreadable(self, work: Work, detail: str) -> None:
        self.result.unreadable += 1
        self.result.problems.append(Problem(STEP, work.base, "source not readable", detail))

    def _archived_size(self, path: str) -> int:
        try:
            return (self.raw / path).lstat().st_size
        except OSError:
            return -1

    @staticmethod
    def _describes(entry: ManifestEntry, work: Work) -> bool:
        return (entry.source, entry.session_id, entry.parent_session_id, entry.kind) == (
            work.source,
            work.session_id,
            work.parent_session_id,
            work.file.kind,
        )

    def _commit(self) -> None:
        """Make the written files durable, then their entries."""
        for path in dict.fromkeys(self.written):
            with disk_errors(path):
                descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        for directory in dict.fromkeys(path.parent for path in self.written):
            fsync_directory(directory)
        self.manifest.append(self.uncommitted)
        self.written, self.uncommitted, self.uncommitted_bytes = [], [], 0
