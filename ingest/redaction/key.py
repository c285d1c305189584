"""The key of the tokens, in the data directory and outside of git: who has it can tell whether a guess is right."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import make_private_directory

KEY_BYTES = 32


def load_or_create_key(path: Path) -> bytes:
    """The 32-byte key of the tokens, kept as 64 hex digits in a file of mode 0600; made on first use.

    Raises IngestError where a file exists that cannot be read or holds no such key: a new one would change every token.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _create_key(path)
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"Cannot read the redaction key {path} ({error}); restore it from its backup.") from error
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise IngestError(f"The redaction key {path} is not 64 hex digits; restore it from its backup.")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return bytes.fromhex(text)


def _create_key(path: Path) -> bytes:
    key = secrets.token_bytes(KEY_BYTES)
    aside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        make_private_directory(path.parent)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)  # never overwrites: of two first runs at once, the slower takes the other's key
        except FileExistsError:
            return load_or_create_key(path)
        finally:
            aside.unlink()
    except OSError as error:
        raise IngestError(f"Cannot write the redaction key {path} ({error}); make its directory writable.") from error
    return key
