"""Checks of where a data directory is: on which file system, in which repository, and whether a copy of it exists."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from ingest.care.backup_manifest import StoredBackup, read_backups
from ingest.care.backup_target import existing_target, is_same_disk, read_settings
from ingest.care.findings import ERROR, OK, WARNING, Finding, Patient
from ingest.care.git_command import run_git
from ingest.care.tree import KEY
from ingest.data_repository import IGNORED, refuse_shared_remote
from ingest.errors import IngestError
from ingest.files import is_inside, printable
from ingest.settings import setting
from ingest.terminal import many

MOUNTS = Path("/proc/self/mounts")
_MACOS_MOUNT = re.compile(r"^.* on (.*) \((\w+)[,)]", re.MULTILINE)
_OCTAL = re.compile(r"\\([0-7]{3})")


def check_place(patient: Patient) -> Iterator[Finding]:
    """Is it on a file system with locks, and out of reach of programs that copy files while they are written?"""
    root = patient.data.root.resolve()
    kind = file_system(root, _mounts())
    synced = [part for part in root.parts if any(part.startswith(name) for name in setting("synced_folders"))]
    if kind in setting("network_file_systems"):
        yield Finding(
            "place",
            WARNING,
            f"The data directory is on a network file system ({kind}), where locks and atomic renames may not hold.",
            "Move it to a local disk and set OPE_DATA_DIR; `backup --to DIR` may write to the network.",
        )
    if synced:
        yield Finding(
            "place",
            WARNING,
            f"The data directory is inside {printable(synced[0])!r}, which copies files while they are being written, "
            "and sends private logs to other machines.",
            "Move it out and set OPE_DATA_DIR; let that folder take `backup --to DIR` instead.",
        )
    if kind not in setting("network_file_systems") and not synced:
        yield Finding("place", OK, f"On a local file system{f' ({kind})' if kind else ''}.")


def file_system(path: Path, mounts: list[tuple[str, str]]) -> str | None:
    """The kind of file system that a path is on, of (mount point, kind); None where that is not known."""
    fitting = [(len(point), kind) for point, kind in mounts if is_inside(str(path), point)]
    return max(fitting)[1] if fitting else None


def _mounts() -> list[tuple[str, str]]:
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        fields = [line.split(" ") for line in lines]
        return [(_OCTAL.sub(lambda code: chr(int(code[1], 8)), each[1]), each[2]) for each in fields if len(each) > 2]
    except OSError:
        pass
    try:
        done = subprocess.run(["/sbin/mount"], capture_output=True, check=False, timeout=10, stdin=subprocess.DEVNULL)
        return _MACOS_MOUNT.findall(done.stdout.decode("utf-8", "surrogateescape"))
    except (OSError, subprocess.TimeoutExpired):
        return []


def check_repository(patient: Patient) -> Iterator[Finding]:
    """Could anything commit the logs to a repository that is pushed somewhere?"""
    root = patient.data.root
    if not root.is_dir():
        return
    found = run_git(root, "rev-parse", "--show-toplevel")
    if found.code or not found.text:
        yield Finding("repository", OK, "In no git repository.")
        return
    top = Path(found.text).resolve()
    if top != root.resolve():
        yield from _around(root, top)
        return
    is_fine = True
    try:
        refuse_shared_remote(root.resolve())
    except IngestError as error:
        is_fine = False
        yield Finding("repository", ERROR, str(error), "`git remote remove NAME` in the data directory.")
    if run_git(root, "ls-files", "--error-unmatch", "--", KEY).code == 0:
        is_fine = False
        yield Finding(
            "repository",
            ERROR,
            "The redaction key is committed to the data directory's repository.",
            f"`git rm --cached {KEY}` there, and take it out of its history before it is pushed.",
        )
    try:
        lines = {line.strip() for line in (root / ".gitignore").read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeDecodeError):
        lines = set()
    if any(pattern not in lines for _, patterns in IGNORED for pattern in patterns):
        is_fine = False
        yield Finding(
            "repository",
            WARNING,
            "The .gitignore of the data directory lacks patterns.",
            "`python -m ingest init-data` adds them.",
        )
    if is_fine:
        yield Finding("repository", OK, "A repository of its own.")


def _around(root: Path, top: Path) -> Iterator[Finding]:
    shown = printable(str(top))
    # Not the key: the .gitignore of the data directory itself keeps that out, but not the logs.
    probes = [str(root / name) for name in ("raw/x/sessions/x.jsonl", "projects.json")]
    if all(run_git(root, "check-ignore", "--quiet", "--", probe).code == 0 for probe in probes):
        yield Finding("repository", OK, f"Inside {shown}, which ignores it.")
        return
    has_remote = bool(run_git(top, "remote").output.strip())
    yield Finding(
        "repository",
        ERROR if has_remote else WARNING,
        f"The data directory is inside the repository {shown}, which does not ignore it"
        f"{' and is pushed elsewhere' if has_remote else ''}: private logs may be committed there.",
        "Move it out and set OPE_DATA_DIR, or let that repository ignore it.",
    )


def check_backups(patient: Patient) -> Iterator[Finding]:
    """Is there a recent copy elsewhere that was found good, with the present key?"""
    remedy = "`python -m ingest backup`"
    try:
        if read_settings(patient.data) is None:
            if patient.projects:
                yield Finding(
                    "backup",
                    WARNING,
                    "There is no backup: logs that the agent has deleted, and the key, are here only.",
                    "`python -m ingest backup --to DIR`, best on another disk; the night goes on with it.",
                )
            return
        target = existing_target(patient.data)
        whole = [backup for backup in read_backups(target) if backup.manifest]
    except (IngestError, OSError) as error:
        yield Finding("backup", WARNING, str(error), remedy)
        return
    findings = [*_age(patient, whole), *_key_in(patient, whole)]
    if is_same_disk(patient.data, target):
        findings.append(
            Finding(
                "backup", WARNING, "Backups are on the same disk as the data.", f"{remedy[:-1]} --to DIR` elsewhere."
            )
        )
    yield from findings or [Finding("backup", OK, f"{many(len(whole), 'backup')}, the newest {whole[-1].name}.")]


def _age(patient: Patient, whole: list[StoredBackup]) -> Iterator[Finding]:
    late = timedelta(days=setting("backup_late_days"))
    past = [
        backup for backup in whole if backup.created_at <= patient.moment + timedelta(minutes=setting("clock_minutes"))
    ]
    if not past or patient.moment - past[-1].created_at > late:
        last = f"the last is of {past[-1].created_at:%Y-%m-%d}" if past else "there is none yet"
        yield Finding("backup", WARNING, f"No backup for {late.days} days: {last}.", "`python -m ingest backup`")
    if whole and whole[-1].is_verified is False:
        yield Finding(
            "backup", ERROR, f"{whole[-1].name} was found damaged.", "`python -m ingest backup` makes another."
        )
    checked = [backup.verified_at for backup in whole if backup.is_verified and backup.verified_at]
    if whole and (not checked or patient.moment - max(checked) > timedelta(days=setting("backup_verify_days"))):
        yield Finding(
            "backup",
            WARNING,
            f"No backup was checked for {setting('backup_verify_days')} days.",
            "`python -m ingest backup verify`",
        )


def _key_in(patient: Patient, whole: list[StoredBackup]) -> Iterator[Finding]:
    key = patient.data.redaction_key
    if not whole or not key.is_file():
        return
    mine = hashlib.sha256(key.read_bytes()).hexdigest()
    stored = {file.sha256 for backup in whole if backup.manifest for file in backup.manifest.files if file.path == KEY}
    if not stored:
        yield Finding(
            "backup", WARNING, "The redaction key is in no backup.", "Keep a copy of it elsewhere, or `backup --key`."
        )
    elif mine not in stored:
        yield Finding(
            "backup",
            ERROR,
            "The redaction key is another one than in every backup.",
            "Find out why before the next sync: with another key every secret gets another token.",
        )
