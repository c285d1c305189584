"""The key of the tokens, copied to another machine: only with the same key does a secret get the same token on both."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import PRIVATE_FILE, disk_errors, open_regular, printable, write_all, write_atomically
from ingest.forgetting.tombstones import keep_key
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.redaction import load_or_create_key
from ingest.runlog import new_run_id, step

WRITTEN, SAME = "written", "same"
_KEY = re.compile(r"[0-9a-fA-F]{64}")


class OtherKeyError(IngestError):
    """The data directory has another key, and something was archived with it."""


def export_key(data: DataDir, target: Path) -> None:
    """Copy the key to a new file of mode 0600. Raises IngestError where there is no key, or the file is there."""
    if not data.redaction_key.exists():
        raise IngestError(f"There is no redaction key in {printable(str(data.root))} yet: the first sync makes it.")
    key = load_or_create_key(data.redaction_key)
    if target.exists() or target.is_symlink():
        raise IngestError(f"{printable(str(target))} is there already, and is not overwritten: name another file.")
    with disk_errors(target):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            write_all(descriptor, key.hex().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def import_key(data: DataDir, source: Path, *, replace: bool = False) -> str:
    """Take the key of another machine; returns WRITTEN or SAME.

    Raises IngestError where `source` holds no key, and OtherKeyError where something is archived with another one,
    unless `replace`.
    """
    try:
        descriptor, _ = open_regular(source)
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(100).decode("ascii", "replace").strip()
    except OSError as error:
        raise IngestError(
            f"{printable(str(source))} cannot be read ({error.strerror}): give the file that --export-key wrote."
        ) from error
    if not _KEY.fullmatch(text):
        raise IngestError(
            f"{printable(str(source))} holds no redaction key: give the file that --export-key wrote (64 hex digits)."
        )
    with data_lock(data, "redact --import-key"):
        own = load_or_create_key(data.redaction_key) if data.redaction_key.exists() else None
        if own == bytes.fromhex(text):
            return SAME
        if own is not None and not replace and any(data.root.glob("raw/*/manifest.jsonl")):
            raise OtherKeyError(
                "This data directory has another key, and tokens made with it: with the new one the same secrets get "
                "other tokens, and every session file is read and archived again as a new version."
            )
        with step(data, new_run_id(), "import-key"):
            if own is not None:
                keep_key(data)
            write_atomically(data.redaction_key, text.lower().encode() + b"\n")
    return WRITTEN
