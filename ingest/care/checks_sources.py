"""Checks of what is read, and how: clean-up of the agent, gone sources, hooks, clock, redaction rules, past syncs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

from ingest.agents.claude_code import cleanup_days, default_root, list_files
from ingest.care.findings import ERROR, OK, WARNING, Finding, Patient
from ingest.errors import IngestError
from ingest.files import is_inside, printable
from ingest.hooks.script import OUTDATED
from ingest.hooks.status import read_hooks
from ingest.manifest import read_manifest
from ingest.redaction import DEFAULT_RULES
from ingest.redaction.rules import read_rules, rules_version
from ingest.registry import EXCLUDED, load_projects
from ingest.settings import setting
from ingest.status import read_status
from ingest.terminal import many

KEPT_DAYS = 3650
LAST_COMMITS = 20
SETTING = "cleanupPeriodDays"
STEP = "land"


def check_registry(patient: Patient) -> Iterator[Finding]:
    """Can the registry be read, and is everything there that it names?"""
    try:
        projects = load_projects(patient.data)
    except IngestError as error:
        yield Finding("registry", ERROR, str(error), "Correct the file, or restore it from a backup.")
        return
    if not projects:
        yield Finding("registry", WARNING, "No project is registered.", "`python -m ingest add-project --repo PATH`")
        return
    is_fine = True
    for project in projects:
        if project.status == EXCLUDED:
            continue
        named = [*project.session_directories, project.git_metadata or project.repository]
        gone = [path for path in named if path and not Path(path).exists()]
        if gone:
            is_fine = False
            yield Finding(
                "registry",
                WARNING,
                f"{project.project_id}: {printable(gone[0])} is gone"
                f"{f', and {len(gone) - 1} more' if len(gone) > 1 else ''}; what was archived of it is kept.",
                f"Name its new place: `python -m ingest add-project --name NAME --id {project.project_id}` with --repo "
                "or --sessions. If it is gone for good, nothing.",
            )
    if is_fine:
        yield Finding("registry", OK, f"{many(len(projects), 'project')}, every path is there.")


def check_rules(patient: Patient) -> Iterator[Finding]:
    """Was everything archived with the rules of redaction that are there now?"""
    present = rules_version([rule for rule in read_rules(DEFAULT_RULES) if rule.protects != "personal"])
    old = sum(
        entry.rules_version not in ("", present) and entry.cold is None
        for project in patient.projects
        for entry in read_manifest(patient.data.manifest(project.project_id)).values()
    )
    if old:
        yield Finding(
            "rules",
            WARNING,
            f"{many(old, 'file')} of the archive: redacted with earlier rules, so a secret that only the present ones "
            "know may stand there.",
            "`python -m ingest redact --rewrite --dry-run` shows what they find; without --dry-run it is replaced.",
        )


def check_cleanup(patient: Patient) -> Iterator[Finding]:
    """Does the agent delete sessions before they are archived?"""
    root = default_root()
    settings = root.parent / "settings.json"
    remedy = f'Put `"{SETTING}": {KEPT_DAYS}` into {printable(str(settings))}, and let `nightly` run by a timer.'
    problem = _odd_setting(settings)
    if problem:
        yield Finding("clean-up", ERROR, problem, remedy)
    if not _is_read(patient, root):
        return
    days = cleanup_days(root)
    ends = [end for end in patient.ends(STEP) if end <= patient.moment]
    purge_at = min((p.purge_at for p in read_status(patient.data).projects if p.purge_at), default=None)
    if not ends:
        yield Finding(
            "clean-up",
            WARNING,
            f"Nothing was archived yet, and the agent deletes sessions after {days} days.",
            f"`python -m ingest sync` now. {remedy}",
        )
        return
    since = patient.moment - ends[-1]
    apart = max([since, *(later - earlier for earlier, later in pairwise(ends) if _is_recent(patient, later, days))])
    period = timedelta(days=days)
    if since >= period:
        sentence = (
            f"The last sync was {since.days} days ago, and the agent deletes sessions after {days}: some may be lost."
        )
        yield Finding("clean-up", ERROR, sentence, f"`python -m ingest sync` now. {remedy}")
    elif purge_at and purge_at - patient.moment < timedelta(days=setting("sync_late_days")):
        yield Finding(
            "clean-up",
            ERROR,
            f"The agent may delete a session that is not archived on {purge_at:%Y-%m-%d}.",
            f"`python -m ingest sync` now. {remedy}",
        )
    elif apart > period * setting("cleanup_share"):
        yield Finding(
            "clean-up",
            WARNING,
            f"The agent deletes sessions after {days} days, and up to {apart.days} days lie between two syncs.",
            remedy,
        )
    else:
        yield Finding("clean-up", OK, f"The agent deletes sessions after {days} days; syncs are closer than that.")


def _is_recent(patient: Patient, moment: datetime, days: int) -> bool:
    return patient.moment - moment <= timedelta(days=2 * days)


def _is_read(patient: Patient, root: Path) -> bool:
    """Is any registered session directory among those that the agent cleans up?"""
    resolved = str(root.resolve())
    return any(
        is_inside(str(Path(directory).resolve()), resolved)
        for project in patient.projects
        if project.status != EXCLUDED
        for directory in project.session_directories
    )


def _odd_setting(settings: Path) -> str:
    """What is wrong with the agent's own settings; empty where nothing is."""
    try:
        document = json.loads(settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return f"{printable(str(settings))} is not valid JSON: the agent may ignore what it says about its clean-up."
    value = document.get(SETTING) if isinstance(document, dict) else None
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return ""
    return f"{SETTING} is {json.dumps(value)[:40]}, which is no number of days: the agent may keep no sessions at all."


def check_syncs(patient: Patient) -> Iterator[Finding]:
    """Did the timer run?"""
    ends = [end for end in patient.ends(STEP) if end <= patient.moment + timedelta(minutes=setting("clock_minutes"))]
    if not patient.projects:
        return
    if not ends:
        yield Finding("sync", WARNING, "Nothing was synced yet.", "`python -m ingest sync`")
        return
    ago = patient.moment - ends[-1]
    if ago > timedelta(days=setting("sync_late_days")):
        yield Finding(
            "sync",
            WARNING,
            f"The last sync was {ago.days} days ago.",
            "See why the timer did not run (docs/nightly.md), or run `python -m ingest sync`.",
        )
    else:
        yield Finding("sync", OK, f"The last sync was on {ends[-1]:%Y-%m-%d %H:%M} UTC.")


def check_clock(patient: Patient) -> Iterator[Finding]:
    """Is anything of the future? Which file changed, what is due and what is old is told by the clock."""
    limit = patient.moment + timedelta(minutes=setting("clock_minutes"))
    ended = [run["ended"] for run in patient.runs if run["ended"] > limit]
    if ended:
        yield Finding(
            "clock",
            ERROR,
            f"{many(len(ended), 'run')} ended in the future, the last on {max(ended):%Y-%m-%d %H:%M} UTC: the clock is "
            "wrong, or was.",
            "Set it by NTP (`timedatectl set-ntp true`, or the system settings); ages are right after that day.",
        )
    seconds = limit.replace(tzinfo=timezone.utc).timestamp()
    ahead = [
        file.path
        for project in patient.projects
        if project.status != EXCLUDED
        for directory in project.session_directories
        if Path(directory).is_dir()
        for file in list_files(Path(directory))[0]
        if _mtime(file.path) > seconds
    ]
    if ahead:
        yield Finding(
            "clock",
            WARNING,
            f"{many(len(ahead), 'session file')} with a time in the future, the first {printable(str(ahead[0]))}.",
            "Their last lines may wait until then; `touch` them if the clock was wrong when they were written.",
        )
    if not ended and not ahead:
        yield Finding("clock", OK, "Nothing is of the future.")


def _mtime(path: Path) -> float:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime  # noqa: PTH116
    except OSError:
        return 0.0


def check_hooks(patient: Patient) -> Iterator[Finding]:
    """Is the hook, where it is set up, as it came, and does it run?"""
    good = 0
    for project in patient.projects:
        if project.status == EXCLUDED or not project.repository or not Path(project.repository).is_dir():
            continue
        try:
            trees = read_hooks(Path(project.repository), LAST_COMMITS).worktrees
        except IngestError as error:
            yield Finding("hooks", WARNING, f"{project.project_id}: {error}", "Check the repository.")
            continue
        again = f"`python -m ingest hooks install {printable(project.repository)}`"
        for tree in trees:
            if tree.state == OUTDATED:
                yield Finding("hooks", WARNING, f"{project.project_id}: the hook is of another version.", again)
            elif tree.version is not None and not (tree.is_intact and tree.works):
                yield Finding("hooks", WARNING, f"{project.project_id}: the hook is {tree.state}.", again)
            elif tree.works:
                good += 1
    where = many(good, "worktree") if good else "no worktree"
    optional = "" if good else "Optional: `python -m ingest hooks install REPO` names sessions in commits."
    yield Finding("hooks", OK, f"Set up and intact in {where}.", optional)
