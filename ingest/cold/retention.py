"""How long sessions stay: the variable `retention_days`, or what a project has of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.cold.selection import LiveSession, Selection, select_sessions
from ingest.paths import DataDir
from ingest.registry import EXCLUDED, NEVER, Project
from ingest.runlog import now
from ingest.settings import setting


@dataclass(frozen=True)
class Rule:
    """What counts as old in a project. `before` is None where nothing ever is; what ended earlier is old."""

    project_id: str
    days: int | None
    is_own: bool
    before: datetime | None


def rules(projects: Sequence[Project], days: int | None = None, moment: datetime | None = None) -> list[Rule]:
    """The rule of each project; `days` is for this once and for all of them. Excluded projects have none."""
    found = []
    for project in projects:
        if project.status == EXCLUDED:
            continue
        own = days if days is not None else project.retention_days
        kept = int(setting("retention_days")) if own is None else (None if own == NEVER else int(own))
        before = None if kept is None else (moment or now()) - timedelta(days=kept)
        found.append(Rule(project.project_id, kept, own is not None, before))
    return found


def select_old(data: DataDir, projects: Sequence[Project], by: Sequence[Rule]) -> Selection:
    """The sessions that ended before their project's rule; one without any time never did. Raises IngestError."""
    before = {rule.project_id: rule.before for rule in by}

    def is_old(session: LiveSession) -> bool:
        limit = before.get(session.project_id)
        return limit is not None and session.ended_at is not None and session.ended_at < limit

    return select_sessions(data, [project for project in projects if project.project_id in before], is_old)
