"""`python -m ingest forget`: a session or a project out of everything below the data directory, for good.

First a tombstone, so that nothing brings it back; then what is written beside the sessions, the archive, schema `raw`
by landing what is left, what dbt built, `marts.db`, snapshots and exports. The journal is the first thing written and
the last deleted: killed at any instant, the same command or the next `sync` goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ingest.cold.journal import finish
from ingest.cold.part import root_of
from ingest.database import opened
from ingest.errors import Problem
from ingest.files import safe_join
from ingest.forgetting.archive import bring_back, forget_archive
from ingest.forgetting.built import forget_built, forget_published
from ingest.forgetting.elsewhere import files_to_delete
from ingest.forgetting.journal import Forgetting, read_journal, remove_journal, write_journal
from ingest.forgetting.labels import forget_labels, labelled_messages, own_messages
from ingest.forgetting.names import Names, names_of
from ingest.forgetting.snapshots import find_in_snapshots, forget_in_snapshots
from ingest.forgetting.targets import Target, archived_roots, archives, entries_of, find_target
from ingest.forgetting.texts import (
    delete_all,
    forget_consent,
    forget_in_logs,
    forget_in_notes,
    forget_links_in_doubt,
    outputs_to_delete,
)
from ingest.forgetting.tombstones import MESSAGE, PROJECT, SESSION, add_tombstones, read_tombstones
from ingest.landing import land_again
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.registry import load_projects
from ingest.runlog import new_run_id, step

STEP = "forget"


@dataclass
class Forgotten:
    """What was done: counts as in the run log."""

    run_id: str
    kind: str
    counts: dict[str, int]


def forget(data: DataDir, target: Target, counts: Mapping[str, int]) -> Forgotten:
    """Forget a session or a project; `counts` is what the run log is to say of it.

    Raises IngestError where another program has the database open, the disk refuses or something is damaged: what is
    done stays done, and the same command goes on from there.
    """
    with data_lock(data, "forget"):
        finish_forgetting(data)
        _refuse_held(data)
        forgetting = Forgetting(new_run_id(), target.kind, target.name, target.roots, dict(counts))
        write_journal(data, forgetting)
        _finish(data, forgetting)
    return Forgotten(forgetting.run_id, target.kind, forgetting.counts)


def settle(data: DataDir) -> Forgetting | None:
    """Finish a forgetting that was cut short, before anybody looks at what there is; which one it was."""
    if read_journal(data) is None:
        return None
    with data_lock(data, "forget"):
        return finish_forgetting(data)


def finish_forgetting(data: DataDir) -> Forgetting | None:
    """Finish what was begun; the caller holds the data directory. Raises as `forget`."""
    forgetting = read_journal(data)
    if forgetting is not None:
        _finish(data, forgetting)
    return forgetting


def forget_again(data: DataDir, before: Collection[tuple[str, str]]) -> tuple[int, int]:
    """Forget what came back with a backup though it was forgotten; how many sessions and how many projects.

    `before` are the tombstones that the backup has itself: a project with one of them was registered again after it.
    Raises as `forget`.
    """
    stones = read_tombstones(data)
    if not stones.lines:
        return 0, 0
    archived = archived_roots(data)
    roots = sorted(filter(stones.has_session, set().union(*archived.values())))
    if roots:
        forget(data, Target(SESSION, "", tuple(roots), len(roots)), {"sessions": len(roots)})
    since = replace(stones, lines={line: at for line, at in stones.lines.items() if line not in before})
    projects = sorted(filter(since.has_project, {*archived, *(project.project_id for project in load_projects(data))}))
    for project_id in projects:
        target = find_target(data, project_id)
        forget(data, target, {"sessions": target.sessions, "projects": 1})
    return len(roots), len(projects)


def _finish(data: DataDir, forgetting: Forgetting) -> None:
    # not of a project: what it is called must not stand in the run log
    with step(data, forgetting.run_id, STEP) as counts:
        finish(data)  # a move to or from cold storage that was cut short
        _keep_out(data, forgetting)
        bring_back(data, forgetting)
        if forgetting.subjects is None:
            forgetting, _, _ = looked_up(data, forgetting)
            write_journal(data, forgetting)
        add_tombstones(data, ((MESSAGE, subject) for subject in forgetting.subjects or ()))
        names = forgetting.names
        forget_labels(data, names, forgetting.subjects or ())
        forget_links_in_doubt(data, names)
        forget_in_notes(data, names)
        delete_all(outputs_to_delete(data, names), data.outputs)
        if forgetting.project_id is not None:
            forget_consent(data, forgetting.project_id)
        delete_all([safe_join(data.root, path) for path in forgetting.others or ()], data.root)
        forget_in_snapshots(data, forgetting)
        forget_published(data, forgetting)
        forget_archive(data, forgetting)
        forget_in_logs(data, names)
        if data.database.exists():
            _land(data, forgetting)
            forget_built(data, forgetting)
        counts.update(forgetting.counts)
    remove_journal(data)


def _refuse_held(data: DataDir) -> None:
    """Better now than when half of it has gone."""
    if data.database.exists():
        with opened(data):
            pass


def _keep_out(data: DataDir, forgetting: Forgetting) -> None:
    stones = [(SESSION, root) for root in forgetting.roots]
    if forgetting.project_id is not None:
        stones.append((PROJECT, forgetting.project_id))
    add_tombstones(data, stones)


def looked_up(data: DataDir, forgetting: Forgetting) -> tuple[Forgetting, dict[str, int], list[str]]:
    """What only the archive can tell, while it is there; the rows of each snapshot; sentences on what is unread."""
    roots = set(forgetting.roots)
    gone, kept = [], []
    for project_id in archives(data):
        for entry in entries_of(data, project_id):
            is_gone = root_of(entry) in roots or project_id == forgetting.project_id
            (gone if is_gone else kept).append(entry)
    names = names_of(roots, gone, kept, forgetting.project_id)
    snapshots = find_in_snapshots(data, forgetting)
    others, unread = files_to_delete(data, roots)
    found = replace(
        forgetting,
        subjects=tuple(sorted(own_messages(data, roots, labelled_messages(data)))),
        files=tuple(sorted(names.files)),
        snapshots=tuple(snapshots),
        others=tuple(path.relative_to(data.root.resolve()).as_posix() for path in others),
    )
    return found, snapshots, unread


def _land(data: DataDir, forgetting: Forgetting) -> None:
    """Schema `raw` from what is left, without what was wrong with what is gone."""
    names = forgetting.names
    land_again(data, forgetting.run_id, lambda problem: None if _is_about(problem, names) else problem)


def _is_about(problem: Problem, names: Names) -> bool:
    return names.are_in(problem.path) or names.are_in(problem.detail)
