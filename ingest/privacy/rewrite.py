"""Changed rules applied to what was archived before: everything that is kept as text, then schema `raw` from it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from ingest.cold.journal import finish
from ingest.database import opened
from ingest.errors import IngestError, Problem
from ingest.files import exclusive_lock
from ingest.forgetting.targets import archives
from ingest.landing import LandingResult, land_again
from ingest.landing_operations import land_operations
from ingest.locks import data_lock
from ingest.manifest import read_manifest
from ingest.paths import DataDir
from ingest.privacy.check import check_paths
from ingest.privacy.rewrite_archive import Rewritten, rewrite_archive
from ingest.privacy.rewrite_texts import rewrite_common_texts, rewrite_project_texts
from ingest.progress import Progress, labelled
from ingest.redaction import KEY_BYTES, Redactor, load_redactor
from ingest.registry import NOTHING_REGISTERED, load_projects, put
from ingest.runlog import new_run_id, step

STEP = "redact"
COMMON = ""


@dataclass
class Rewrite:
    """What a rewrite did, or would do: per project id (COMMON: what belongs to none) and in all.

    `cold` are Parquet files of cold storage that hold a finding, with how often each rule found one: they are never
    rewritten. `landing` is None where nothing was landed.
    """

    run_id: str
    rules_version: str
    dry_run: bool
    parts: dict[str, Rewritten] = field(default_factory=dict)
    cold: dict[str, dict[str, int]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    landing: LandingResult | None = None

    @property
    def failures(self) -> list[str]:
        return [sentence for part in self.parts.values() for sentence in part.failures]

    @property
    def rules(self) -> Counter[str]:
        return sum((part.rules for part in self.parts.values()), Counter[str]())

    @property
    def changed(self) -> int:
        """How many files changed, or would."""
        return sum(len(part.changed) for part in self.parts.values())

    @property
    def is_complete(self) -> bool:
        return not (self.failures or self.cold or self.unread)


def rewrite(
    data: DataDir, project_id: str | None = None, progress: Progress | None = None, *, dry_run: bool = False
) -> Rewrite:
    """Redact everything that is archived with the present rules, or what is of one project, and land it anew.

    A dry run only reads. Raises IngestError for an unknown project, a data directory that is in use, and where the
    disk or the database refuses; what was finished stays, and the same call goes on from there.
    """
    kept = archives(data)
    if not kept and not load_projects(data):
        raise IngestError(NOTHING_REGISTERED)
    if project_id and project_id not in kept:
        raise IngestError(f"Nothing is archived of {project_id!r}: known are {', '.join(kept) or 'none'}.")
    projects = [project_id] if project_id else kept
    if dry_run:
        known = data.redaction_key.exists()
        redactor = load_redactor(data) if known else Redactor.load(secrets.token_bytes(KEY_BYTES))
        return _rewrite(data, projects, redactor, progress, common=not project_id, dry_run=True)
    with data_lock(data, "redact --rewrite"):
        finish(data)  # a move to or from cold storage that was cut short
        return _rewrite(data, projects, load_redactor(data), progress, common=not project_id, dry_run=False)


def _rewrite(
    data: DataDir,
    projects: Sequence[str],
    redactor: Redactor,
    progress: Progress | None,
    *,
    common: bool,
    dry_run: bool,
) -> Rewrite:
    result = Rewrite(new_run_id(), redactor.rules_version, dry_run)
    for project_id in projects:
        result.parts[project_id] = _project(data, project_id, redactor, result.run_id, progress, dry_run=dry_run)
    if common:
        with nullcontext({}) if dry_run else step(data, result.run_id, STEP, redactor=redactor) as counts:
            result.parts[COMMON] = rewrite_common_texts(data, redactor, dry_run=dry_run)
            counts.update(_counts(result.parts[COMMON]))
    _look_at_cold(data, projects, redactor, result, common=common)
    if not dry_run:
        _land(data, redactor, result, progress)
    return result


def _project(
    data: DataDir, project_id: str, redactor: Redactor, run_id: str, progress: Progress | None, *, dry_run: bool
) -> Rewritten:
    raw = data.raw(project_id)
    report = _meter(data, project_id, progress)
    with nullcontext({}) if dry_run else step(data, run_id, STEP, project_id, redactor=redactor) as counts:
        done = _registry(data, project_id, redactor, dry_run=dry_run)
        with nullcontext() if dry_run else exclusive_lock(raw, f"the archive of {project_id!r}"):
            archive = rewrite_archive(raw, redactor, run_id, report, dry_run=dry_run)
        done += _below_raw(project_id, archive)
        done += rewrite_project_texts(data, project_id, redactor, dry_run=dry_run)
        counts.update(_counts(done), bytes=done.bytes)
    return done


def _meter(data: DataDir, project_id: str, progress: Progress | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    total = sum(e.archived_bytes for e in read_manifest(data.manifest(project_id)).values() if e.cold is None)
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done += size
        progress(f"{project_id}: rewrite", done, total)

    return add


def _counts(done: Rewritten) -> dict[str, int]:
    return {
        "files": done.files,
        "changed": len(done.changed),
        "findings": sum(done.rules.values()),
        "failed": len(done.failures),
        "cold": done.cold,
    }


def _below_raw(project_id: str, done: Rewritten) -> Rewritten:
    """The result of an archive, its paths from the data directory on."""
    changed = {f"raw/{project_id}/{path}": rules for path, rules in done.changed.items()}
    return replace(done, changed=changed, failures=[f"raw/{project_id}: {sentence}" for sentence in done.failures])


def _registry(data: DataDir, project_id: str, redactor: Redactor, *, dry_run: bool) -> Rewritten:
    """The name and the notes of a registered project: metadata.json is written from them."""
    done = Rewritten()
    for project in load_projects(data):
        if project.project_id != project_id:
            continue
        texts = (project.name, project.notes)
        rules = Counter(found.rule_id for text in texts for found in redactor.redact_text_bytes(text.encode())[1])
        done.add(data.registry.name, rules)
        if rules and not dry_run:
            name, notes = map(redactor.redact_text, texts)
            put(data, replace(project, name=name, notes=notes))
    return done


def _look_at_cold(data: DataDir, projects: Sequence[str], redactor: Redactor, result: Rewrite, *, common: bool) -> None:
    """Parquet is not rewritten: what holds a finding is named, with the way to bring it back."""
    if not data.archived.is_dir():
        return
    paths = [
        path
        for path in sorted(data.archived.rglob("*.parquet"))
        if common or any(part == f"project_id={project_id}" for project_id in projects for part in path.parts)
    ]
    checked = check_paths(paths, redactor, below=data.root)
    for hit in checked.hits:
        rules = result.cold.setdefault(hit.path, {})
        rules[hit.rule] = rules.get(hit.rule, 0) + hit.count
    result.unread = [f"{item.path} could not be read: {item.reason}." for item in checked.unread]


def _land(data: DataDir, redactor: Redactor, result: Rewrite, progress: Progress | None) -> None:
    def clean(problem: Problem) -> Problem:
        return replace(problem, path=redactor.redact_text(problem.path), detail=redactor.redact_text(problem.detail))

    with step(data, result.run_id, "land", redactor=redactor) as counts:
        result.landing = land_again(data, result.run_id, clean, labelled(progress, "landing"))
        counts.update(vars(result.landing))
    with opened(data) as connection:
        land_operations(connection, data, result.run_id)
