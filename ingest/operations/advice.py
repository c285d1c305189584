"""What a person should know of the runs so far: a slow night, days without anything new, an old build."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from statistics import median

from ingest.operations.history import NIGHT, Run
from ingest.paths import DataDir
from ingest.registry import EXCLUDED, Project
from ingest.settings import setting
from ingest.terminal import many


def run_warnings(data: DataDir, runs: Sequence[Run], projects: Sequence[Project], moment: datetime) -> list[str]:
    """One sentence for each, most urgent first; `runs` in the order of their start, `moment` is the present (UTC)."""
    nights = [run for run in runs if run.kind == NIGHT]
    return [
        *_last_night(nights),
        *_slow(nights),
        *_quiet(runs, projects, moment),
        *_old(data, runs, moment),
    ]


def published_at(data: DataDir) -> datetime | None:
    """When `marts.db` was written, UTC; None where there is none."""
    try:
        modified = data.published.stat().st_mtime
    except OSError:
        return None
    return datetime.fromtimestamp(modified, timezone.utc).replace(tzinfo=None, microsecond=0)


def _last_night(nights: Sequence[Run]) -> list[str]:
    if not nights or nights[-1].status == "ok":
        return []
    last = nights[-1]
    why = f": {last.errors[0]}" if last.errors else ""
    return [f"The last night ({last.started_at:%Y-%m-%d %H:%M} UTC) ended as {last.status}{why}"]


def _slow(nights: Sequence[Run]) -> list[str]:
    """The last night against the good ones before it, in all and step by step; only the slowest step is named."""
    if not nights:
        return []
    last = nights[-1]
    before = [run for run in nights[:-1] if run.status != "failed"][-int(setting("compared_nights")) :]
    if len(before) < int(setting("compared_nights_least")):
        return []
    factor, least = float(setting("slow_night_factor")), float(setting("slow_night_seconds"))
    slow = []
    for name, seconds in {"the whole night": last.seconds, **last.steps}.items():
        usual = median(run.seconds if name == "the whole night" else run.steps.get(name, 0.0) for run in before)
        if seconds > factor * usual and seconds - usual > least:
            slow.append((seconds - usual, name, seconds, usual))
    steps = sorted((entry for entry in slow if entry[1] != "the whole night"), reverse=True)
    return [
        f"The last night was slow: {name} took {seconds:,.0f} s, {usual:,.0f} s on the {len(before)} nights before."
        for _, name, seconds, usual in (*(entry for entry in slow if entry[1] == "the whole night"), *steps[:1])
    ]


def _quiet(runs: Sequence[Run], projects: Sequence[Project], moment: datetime) -> list[str]:
    """Nothing new for days, though there are sources to read: a timer that does not run, or logs that moved away."""
    sources = [
        project.project_id
        for project in projects
        if project.status != EXCLUDED and any(Path(path).is_dir() for path in project.session_directories)
    ]
    landed = [run for run in runs if run.lines is not None]
    if not sources or not landed:
        return []
    days = int(setting("quiet_days"))
    last = landed[-1]
    idle = _days(last.ended_at, moment)
    if idle >= days:
        return [f"Nothing was synced for {idle} days (since {last.ended_at:%Y-%m-%d}): does the timer run?"]
    news = [run for run in landed if run.lines or run.commits]
    since = news[-1].ended_at if news else landed[0].ended_at
    quiet = _days(since, moment)
    if quiet < days:
        return []
    return [
        f"Nothing new was landed for {quiet} days (since {since:%Y-%m-%d}), though {many(len(sources), 'project')} "
        f"can be read: do the sessions lie elsewhere now?"
    ]


def _old(data: DataDir, runs: Sequence[Run], moment: datetime) -> list[str]:
    """marts.db, where the warehouse was built later."""
    written = published_at(data)
    built = [run for run in runs if "build" in run.steps and run.ended_at > (written or run.started_at)]
    if written is None or not built:
        return []
    age = _days(written, moment)
    if age < int(setting("stale_build_days")):
        return []
    return [f"marts.db is {age} days old: {many(len(built), 'night')} since could not publish."]


def _days(since: datetime, moment: datetime) -> int:
    """Whole days; 0 where a clock jumped back."""
    return max((moment - since).days, 0)
