"""A bare and shallow clone for the length of one run: commits and trees first, then only what the diffs need."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest.care.git_command import run_git
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, printable
from ingest.remote.address import Address
from ingest.remote.transport import REMOTE, RemoteError, talk

# Removed by the next command where a run was killed (`ingest/locks.py`).
SCRATCH = ".repository.tmp"
# More refs than this are asked for by pattern, as a command line has its limits.
MAXIMUM_NAMED_REFS = 500
PATTERNS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
NOTHING_SINCE = "no commits selected"

_LISTED = re.compile(
    r"(?P<target>[0-9a-f]{40}(?:[0-9a-f]{24})?)\t(?P<name>refs/(?:heads|tags)/[^\s^]+)(?P<peeled>\^\{\})?"
)
_DEFAULT = re.compile(r"ref: (?P<name>refs/heads/\S+)\tHEAD")
_FIRST_DAY = date(1971, 1, 1)  # a cut before it is none


@dataclass(frozen=True)
class Listing:
    """Branches and tags of the other side with the commit that each points to, the default branch first."""

    refs: tuple[tuple[str, str], ...]

    @property
    def fingerprint(self) -> str:
        """Changes when anything of it does."""
        return hashlib.sha256("\n".join(f"{target} {name}" for name, target in self.refs).encode()).hexdigest()


def list_refs(place: Path, address: Address) -> Listing:
    """Ask the other side what it has; fetches nothing. Raises RemoteError."""
    answer = talk(place, address, "ls-remote", "--symref", REMOTE, "HEAD", "refs/heads/*", "refs/tags/*")
    found: dict[str, str] = {}
    default = None
    for line in answer.text.split("\n"):
        if match := _LISTED.fullmatch(line):
            found[match["name"]] = match["target"]  # the commit of an annotated tag follows the tag
        elif match := _DEFAULT.fullmatch(line):
            default = match["name"]
    names = sorted(found, key=lambda name: (name != default, name))
    return Listing(tuple((printable(name), found[name]) for name in names))


def check_address(address: Address) -> None:
    """Raise RemoteError where there is no repository at the address, or no way in."""
    with tempfile.TemporaryDirectory(prefix="ope-git-") as place:
        list_refs(Path(place), address)


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """An empty private directory beside `output`, and nothing of it afterwards."""
    place = output.parent / SCRATCH
    with disk_errors(place):
        shutil.rmtree(place, ignore_errors=True)
        make_private_directory(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def make_clone(place: Path, listing: Listing) -> None:
    """Make `place` an empty bare repository for what was listed; what was there before is gone. Raises IngestError."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    width = max((len(target) for _, target in listing.refs), default=40)
    made = run_git(
        place, "init", "--quiet", "--bare", "--template=", f"--object-format={'sha256' if width > 40 else 'sha1'}", "."
    )
    if made.code:
        raise IngestError(f"git cannot make a repository in {printable(str(place))} ({made.error}): update git.")


def fetch_commits(
    place: Path,
    address: Address,
    *,
    since: date | None,
    names: Sequence[str] | None = None,
    is_filtered: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Fetch the commits since a day (UTC) into the clone `place` and, `is_filtered`, no file's content.

    `names`: the refs to fetch; None for all branches and tags. False where none of them has a commit since that day.
    Raises RemoteError.
    """
    wanted = PATTERNS if names is None or len(names) > MAXIMUM_NAMED_REFS else [f"+{name}:{name}" for name in names]
    options = ["--filter=blob:none"] if is_filtered else []
    if since and since > _FIRST_DAY:
        options.append(f"--shallow-since={since.isoformat()}T00:00:00+0000")
    try:
        talk(place, address, "fetch", "--progress", "--no-tags", *options, REMOTE, *wanted, progress=progress)
    except RemoteError as error:
        if NOTHING_SINCE in error.said:
            return False
        raise
    return True


def fetch_content(
    place: Path, address: Address, objects: Iterable[str], progress: Callable[[int, int], None] | None = None
) -> None:
    """Fetch files by the names of their objects, all at once. Raises RemoteError."""
    typed = b"".join(f"{name}\n".encode() for name in sorted(objects))
    if typed:
        arguments = ("--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", REMOTE)
        settings = ("-c", "fetch.negotiationAlgorithm=noop")
        talk(place, address, *settings, "fetch", "--progress", *arguments, typed=typed, progress=progress)


def cut_at(place: Path) -> frozenset[str]:
    """The commits at which the clone in `place` is cut."""
    try:
        return frozenset((place / "shallow").read_text("ascii", "replace").split())
    except FileNotFoundError:
        return frozenset()
