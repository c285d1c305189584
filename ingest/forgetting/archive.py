"""The archive without what is forgotten: files, manifests, and the part of cold storage that has them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from ingest.archive_delete import delete_archive
from ingest.archive_plan import SESSIONS
from ingest.below import remove_below
from ingest.cold.part import root_of
from ingest.cold.restoring import ColdSession, cold_sessions, restore_sessions, with_families
from ingest.errors import IngestError
from ingest.files import exclusive_lock
from ingest.forgetting.journal import Forgetting
from ingest.forgetting.targets import archives
from ingest.manifest import Manifest
from ingest.paths import DataDir
from ingest.privacy.rewrite_archive import finish_rewrite
from ingest.project_metadata import write_metadata
from ingest.registry import load_projects, remove

SCRATCH = ".scratch"


def bring_back(data: DataDir, forgetting: Forgetting) -> int:
    """Restore from cold storage what has to be looked at; how many sessions. Raises as `restore_sessions`."""
    wanted = sessions_to_bring_back(data, forgetting)
    return restore_sessions(data, wanted).sessions if wanted else 0


def sessions_to_bring_back(data: DataDir, forgetting: Forgetting) -> list[ColdSession]:
    """The sessions that go and are in cold storage, and those there that share records with them.

    What they share is counted once, so their rows in cold storage would be wrong without the others. Of a project only
    sessions with relatives elsewhere come back. Raises IngestError for a damaged part.
    """
    roots = set(forgetting.roots)
    stored = cold_sessions(data) if _may_have_relatives(data, forgetting) else []
    wanted = with_families(stored, lambda one: one.session.root_session_id in roots)
    if forgetting.project_id is None:
        return wanted
    tied = {one.session.family for one in wanted if one.project_id != forgetting.project_id}
    return [one for one in wanted if one.session.family in tied]


def _may_have_relatives(data: DataDir, forgetting: Forgetting) -> bool:
    """Not where the only project goes: its parts need not be read then, and may be damaged."""
    return forgetting.project_id is None or len(archives(data)) > 1


def forget_archive(data: DataDir, forgetting: Forgetting) -> None:
    """Delete the files of the sessions in every archive, then their entries; of a project all that there is.

    Raises IngestError where the disk refuses or a manifest is damaged.
    """
    roots = set(forgetting.roots)
    if forgetting.project_id is not None:
        delete_archive(data, forgetting.project_id)
        if any(project.project_id == forgetting.project_id for project in load_projects(data)):
            remove(data, forgetting.project_id)
    for project_id in archives(data):
        raw = data.raw(project_id)
        if not data.manifest(project_id).exists():
            continue
        with exclusive_lock(raw, f"the archive of {project_id!r}"):
            finish_rewrite(raw)
            shutil.rmtree(raw / SCRATCH, ignore_errors=True)
            manifest = Manifest.open(data.manifest(project_id))
            if manifest.damaged:
                raise IngestError(f"{manifest.path} has lines that cannot be read: run `python -m ingest sync` first.")
            gone = [path for path, entry in manifest.entries.items() if root_of(entry) in roots]
            for path in [*gone, *unlisted(raw, roots)]:
                remove_below(raw, path)
            _remove_empty(raw / SESSIONS, roots)
            for path in gone:
                del manifest.entries[path]
            if gone:
                manifest.compact(force=True)  # its old lines would name them still
    for project in load_projects(data):
        if data.metadata(project.project_id).exists():
            write_metadata(data, project)


def _remove_empty(top: Path, roots: set[str]) -> None:
    """Empty directories with the name of a session: a kill between a file and its directory leaves one."""
    for above, _, _ in os.walk(top, topdown=False):
        if not roots.isdisjoint(Path(above).relative_to(top).parts):
            with suppress(OSError):
                Path(above).rmdir()


def unlisted(raw: Path, roots: set[str]) -> Iterator[str]:
    """Files below `sessions` that lie where those of a session would: also what a killed run left."""
    for above, directories, names in os.walk(raw / SESSIONS):
        directories.sort()
        parts = Path(above).relative_to(raw).parts
        for name in sorted(names):
            stem = name.removesuffix(".jsonl").removesuffix(".meta.json")
            if not roots.isdisjoint({*parts[2:], stem, stem.rpartition(".v")[0]}):
                yield "/".join((*parts, name))
