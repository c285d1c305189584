"""Where backups go: `data/backup.json` remembers the directory, and a marker in that directory says whose it is."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ingest.care.git_command import run_git
from ingest.errors import IngestError
from ingest.files import disk_errors, is_inside, make_private_directory, printable, write_atomically
from ingest.paths import PRODUCT_ROOT, DataDir

SETTINGS, MARKER = "backup.json", "ope-backups.json"
MARKER_FORMAT = 1
NO_TARGET = (
    "No directory for backups is known: name one on another disk with `python -m ingest backup --to DIR`, which is "
    "remembered."
)


@dataclass(frozen=True)
class BackupSettings:
    """What `data/backup.json` remembers. `source_id` tells this data directory's backups from those of others."""

    source_id: str
    target: str
    with_key: bool = True
    with_databases: bool = True


def read_settings(data: DataDir) -> BackupSettings | None:
    """None where no target was ever named. Raises IngestError for a damaged file."""
    path = data.root / SETTINGS
    try:
        document = json.loads(path.read_bytes())
        settings = BackupSettings(**{name: document[name] for name in BackupSettings.__dataclass_fields__})
        if not (isinstance(settings.target, str) and isinstance(settings.source_id, str)):
            raise TypeError("not text")
        return settings
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(
            f"{path} cannot be read ({type(error).__name__}): delete it and name the directory again with "
            "`python -m ingest backup --to DIR`."
        ) from error


def choose_target(
    data: DataDir, target: Path | None, *, with_key: bool | None = None, with_databases: bool | None = None
) -> BackupSettings:
    """The settings with what is given now in the place of what is remembered; checks the target, writes nothing.

    Raises IngestError for a target that is a link, inside the data directory, the program or a repository, not empty,
    or of another data directory; or where none is known.
    """
    known = read_settings(data)
    # A remembered directory that is not there is a disk that is not connected: never made anew at its place.
    place = existing_target(data) if target is None else _checked(data, target)
    owner = _owner(place)
    if known is None:
        # The settings may be lost with a disk: a directory that names this place as its source is taken up again.
        is_ours = owner is not None and owner.get("data_root") == str(data.root.resolve())
        known = BackupSettings(owner["source_id"] if owner and is_ours else secrets.token_hex(8), str(place))
    if owner is not None and owner["source_id"] != known.source_id:
        raise IngestError(
            f"{printable(str(place))} holds the backups of another data directory "
            f"({printable(str(owner.get('data_root')))}): name another directory with --to."
        )
    if owner is None and place.is_dir() and any(place.iterdir()):
        raise IngestError(
            f"{printable(str(place))} is not empty and holds no backups: name a directory of its own, such as "
            f"{printable(str(place / 'ope-backups'))}."
        )
    known = replace(known, target=str(place))
    if with_key is not None:
        known = replace(known, with_key=with_key)
    if with_databases is not None:
        known = replace(known, with_databases=with_databases)
    return known


def remember(data: DataDir, settings: BackupSettings) -> Path:
    """Make the target and its marker, and remember it in the data directory. Returns the target."""
    place = Path(settings.target)
    with disk_errors(place):
        make_private_directory(place)
    if _owner(place) is None:
        marker = {
            "format": MARKER_FORMAT,
            "what": "Backups of an OPE data directory, by `python -m ingest backup`. They hold private session logs.",
            "source_id": settings.source_id,
            "data_root": str(data.root.resolve()),
        }
        write_atomically(place / MARKER, json.dumps(marker, indent=2).encode("ascii") + b"\n")
    path = data.root / SETTINGS
    content = json.dumps(asdict(settings), indent=2).encode("ascii") + b"\n"
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)
    return place


def existing_target(data: DataDir) -> Path:
    """The remembered directory, where it is there. Raises IngestError where it is not, or none is known."""
    known = read_settings(data)
    if known is None:
        raise IngestError(NO_TARGET)
    if not (Path(known.target) / MARKER).is_file():
        raise IngestError(_gone(Path(known.target)))
    return _checked(data, Path(known.target))


def is_same_disk(data: DataDir, target: Path) -> bool:
    """Whether a broken disk would take both."""
    return data.root.stat().st_dev == target.stat().st_dev


def _checked(data: DataDir, target: Path) -> Path:
    given = Path(os.path.abspath(target.expanduser()))  # noqa: PTH100 (resolve would follow the link that is looked for)
    shown = printable(str(given))
    if given.is_symlink():
        raise IngestError(f"{shown} is a symbolic link: name the directory itself ({printable(str(given.resolve()))}).")
    place = given.resolve()
    if place.exists() and not place.is_dir():
        raise IngestError(f"{shown} is not a directory: name one for the backups.")
    if is_inside(str(place), str(data.root.resolve())):
        raise IngestError(
            f"{shown} is inside the data directory, and would be lost with it: name a directory outside of it, best on "
            "another disk."
        )
    if is_inside(str(place), str(PRODUCT_ROOT.resolve())):
        raise IngestError(f"{shown} is inside the program's directory: name one outside of it, best on another disk.")
    top = _repository_around(place)
    if top is not None:
        raise IngestError(
            f"{shown} is inside the git repository {printable(top)}, and logs and key could be committed to it: name a "
            "directory outside of it, or let that repository ignore this one."
        )
    return place


def _repository_around(place: Path) -> str | None:
    """The top of the repository that would take the directory in; None where there is none, or it ignores it."""
    existing = place
    while not existing.is_dir():
        existing = existing.parent
    found = run_git(existing, "rev-parse", "--show-toplevel")
    if found.code or not found.text:
        return None
    is_ignored = run_git(existing, "check-ignore", "--quiet", "--", str(place / MARKER)).code == 0
    return None if is_ignored else found.text


def _owner(place: Path) -> dict[str, Any] | None:
    """What the marker of a target says; None where there is none. Raises IngestError for a damaged one."""
    path = place / MARKER
    try:
        if path.is_symlink():
            raise ValueError("a link")
        document = json.loads(path.read_bytes())
        if document["format"] != MARKER_FORMAT or not isinstance(document["source_id"], str):
            raise ValueError("another format")
        return dict(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(
            f"{printable(str(path))} cannot be read ({error}): name another directory with --to, or put it right."
        ) from error


def _gone(target: Path) -> str:
    return (
        f"The directory for backups, {printable(str(target))}, is not there (or was emptied): connect its disk, or "
        "name another one with `python -m ingest backup --to DIR`."
    )
