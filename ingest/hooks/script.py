"""The hook's file: what is installed, and what stands in a hooks directory."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.files import printable

SOURCE = Path(__file__).with_name("prepare-commit-msg.sh")
HOOK = "prepare-commit-msg"
# Where the hook that was there before is kept; the script names it too.
BEFORE = "prepare-commit-msg.before-ope"

_MARKER = re.compile(rb"^# ope-prepare-commit-msg:", re.MULTILINE)
_VERSION = re.compile(rb"^# ope-hook-version: ([0-9]+)$", re.MULTILINE)
_LAST_LINE = re.compile(rb"# ope-installed: made_directory=(yes|no) sha256=([0-9a-f]{64})\n\Z")
# A hook that is kept has another name. One that looks at its own name to learn which hook it is would be misled.
_READS_ITS_NAME = re.compile(
    rb"basename[^\n]*\$(?:0|\{0)|\$\{0##\*/\}|\$\{?0:t|basename\(\s*(?:\$0|\$PROGRAM_NAME|sys\.argv)"
)

NONE, FOREIGN, INTACT = "none", "foreign", "intact"
OUTDATED, CHANGED, NOT_EXECUTABLE = "outdated", "changed", "not executable"


@dataclass(frozen=True)
class Installed:
    """What stands in one hooks directory.

    `state` is "none" (no hook), "foreign" (another one), or says how ours is: "intact", "outdated" (of another version,
    unchanged), "changed" (edited since), "not executable" (git skips it). `version` is of ours, `has_before` says
    whether a hook that was there before is kept beside it, `made_directory` whether the directory came with ours.
    """

    state: str
    version: int | None = None
    has_before: bool = False
    made_directory: bool = False

    @property
    def is_ours(self) -> bool:
        return self.state not in (NONE, FOREIGN)

    @property
    def works(self) -> bool:
        return self.state in (INTACT, OUTDATED, CHANGED)


def packaged() -> bytes:
    """The script as it comes with the program. Raises IngestError if it is not there."""
    try:
        return SOURCE.read_bytes()
    except OSError as error:
        raise IngestError(f"{SOURCE} cannot be read ({error.strerror}): restore it from the repository.") from error


def packaged_version() -> int:
    """The version of the script that comes with the program."""
    return _version(packaged()) or 0


def to_install(made_directory: bool) -> bytes:
    """The script with a last line that tells later whether it was changed, and what to take away with it."""
    script = packaged()
    digest = hashlib.sha256(script).hexdigest()
    return script + f"# ope-installed: made_directory={'yes' if made_directory else 'no'} sha256={digest}\n".encode()


def inspect(directory: Path) -> Installed:
    """What stands in a hooks directory. Raises IngestError if it cannot be read."""
    hook = directory / HOOK
    has_before = os.path.lexists(directory / BEFORE)
    try:
        state = hook.lstat()
        content = hook.read_bytes() if stat.S_ISREG(state.st_mode) else b""
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return Installed(NONE, has_before=has_before)
        raise IngestError(f"{shown(hook)} cannot be read ({error.strerror}): check its owner and mode.") from error
    if not _MARKER.search(content[:1000]):
        return Installed(FOREIGN, has_before=has_before)
    last = _LAST_LINE.search(content)
    made_directory = bool(last) and last[1] == b"yes"
    if not last or hashlib.sha256(content[: last.start()]).hexdigest().encode() != last[2]:
        kind = CHANGED
    elif not state.st_mode & stat.S_IXUSR:
        kind = NOT_EXECUTABLE
    else:
        kind = INTACT if content[: last.start()] == packaged() else OUTDATED
    return Installed(kind, _version(content), has_before, made_directory)


def why_it_cannot_run_first(hook: Path) -> str | None:
    """The reason why a hook that is there cannot be kept and run before ours; None if it can."""
    try:
        if not stat.S_ISREG(hook.stat().st_mode):
            return "it is no file"
        content = hook.read_bytes()
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if _READS_ITS_NAME.search(content):
        return "it looks at its own file name, which would be another one"
    return None


def shown(path: Path | str) -> str:
    """A path for a sentence on one line: control characters and bytes that are no text are escaped."""
    return re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", printable(str(path)))


def _version(script: bytes) -> int | None:
    found = _VERSION.search(script)
    return int(found[1]) if found else None
