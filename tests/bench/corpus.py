"""The corpus to measure on, and the part of it that comes a night later."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import tarfile
from pathlib import Path

from ingest.paths import PRODUCT_ROOT

WORK = PRODUCT_ROOT / ".bench"


def unpacked_sessions() -> tuple[Path, Path]:
    """(sessions, git-metadata.json) of `OPE_CORPUS_DIR/entire-cli`, unpacked once below .bench/."""
    configured = os.environ.get("OPE_CORPUS_DIR", "")
    source = Path(configured) / "entire-cli"
    if not configured or not source.is_dir():
        raise SystemExit("Set OPE_CORPUS_DIR to a directory with entire-cli/sessions.tar.xz to measure on.")
    target = WORK / "corpus"
    if not (target / "projects").is_dir():
        with tarfile.open(source / "sessions.tar.xz") as archive:
            archive.extractall(target, filter="data")
    return target / "projects", source / "git-metadata.json"


def hold_back(sessions: Path, target: Path, share: float) -> dict[Path, bytes]:
    """Copy `sessions` to `target` without the last lines of some files: `share` of all lines in all.

    Returns what is missing, by file: what a night adds. One file in ten grows, as on a day with several sessions.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sessions, target)
    files = sorted(target.rglob("*.jsonl"))
    wanted = round(share * sum(path.read_bytes().count(b"\n") for path in files))
    growing = random.Random(1).sample(files, max(1, len(files) // 10))
    missing: dict[Path, bytes] = {}
    for position, path in enumerate(growing):
        lines = path.read_bytes().splitlines(keepends=True)
        part = min(len(lines), -(-wanted // (len(growing) - position)))
        wanted -= part
        missing[path] = b"".join(lines[len(lines) - part :])
        path.write_bytes(b"".join(lines[: len(lines) - part]))
    return missing


def append(missing: dict[Path, bytes]) -> int:
    """Add what was held back; the bytes added."""
    for path, data in missing.items():
        with path.open("ab") as file:
            file.write(data)
    return sum(len(data) for data in missing.values())


# Ids of sessions and records, of responses, requests and tool calls, of subagents.
IDS = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:msg|req|toolu)_[0-9A-Za-z]+"
    rb'|(?<="agentId":")[0-9a-f]{7,17}'
)


def enlarge(sessions: Path, target: Path, times: int) -> None:
    """Copy `sessions` to `target` and add `times - 1` more copies of every session, each with ids of its own."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(sessions, target)
    for copy in range(1, times):
        for path in sorted(sessions.rglob("*.jsonl")):
            salt = b"%d/" % copy

            def other(found: re.Match[bytes], salt: bytes = salt) -> bytes:
                return other_id(salt, found[0])

            name = IDS.sub(other, path.stem.encode()).decode()
            copied = target / path.relative_to(sessions).with_name(f"{name}.jsonl")
            copied.write_bytes(IDS.sub(other, path.read_bytes()))


def other_id(salt: bytes, identifier: bytes) -> bytes:
    """An id of the same shape and length."""
    digest = hashlib.sha256(salt + identifier).hexdigest().encode()
    if b"-" in identifier:
        return b"-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
    kind, mark, rest = identifier.rpartition(b"_")
    return kind + mark + digest[: len(rest)]
