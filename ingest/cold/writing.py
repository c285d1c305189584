"""A new part, written aside and verified: what archiving and restoring have in common."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.below import hash_below
from ingest.cold.lines import Line, verify_lines, write_lines
from ingest.cold.part import ParquetFile, Part, part_json
from ingest.cold.places import JOURNAL, SCRATCH, make_durable, part_path
from ingest.files import disk_errors, make_private_directory, write_atomically
from ingest.manifest import ManifestEntry
from ingest.paths import DataDir
from ingest.progress import Progress


@contextmanager
def written_aside(data: DataDir) -> Iterator[Path]:
    """An empty place to write aside, on the file system of `archived`; cleared after a failure before `begin`."""
    scratch = _new_scratch(data)
    try:
        yield scratch
    except BaseException:
        if not (data.archived / JOURNAL).exists():
            shutil.rmtree(scratch, ignore_errors=True)
        raise


def _new_scratch(data: DataDir) -> Path:
    scratch = data.archived / SCRATCH
    with disk_errors(scratch):
        make_private_directory(data.archived)
        if scratch.is_symlink():
            scratch.unlink()
        elif scratch.exists():
            shutil.rmtree(scratch)
        make_private_directory(scratch)
    return scratch


def store_lines(scratch: Path, place: str, entries: Sequence[ManifestEntry], lines: Iterable[Line]) -> ParquetFile:
    """Write lines to `scratch/place`, make them durable, and read them back against the entries' content hashes.

    Raises IngestError where the disk refuses or the content is not what the entries say.
    """
    target = scratch / place
    with disk_errors(target):
        make_private_directory(target.parent)
        rows = write_lines(target, entries, lines)
    make_durable(target)
    verify_lines(scratch, place, entries, rows)
    size, digest = hash_below(scratch, place)
    return ParquetFile(place, rows, size, digest)


def store_part(scratch: Path, part: Part) -> tuple[tuple[str, str], ...]:
    """Write the description of a part beside its Parquet; all of its files with their hashes, the description last."""
    place, content = part_path(part.project_id, part.month, part.part_id), part_json(part)
    write_atomically(scratch / place, content)
    description = (place, hashlib.sha256(content).hexdigest())
    return (*((file.path, file.sha256) for file in part.parquet), description)


def bytes_reported(progress: Progress | None, label: str, total: int) -> Callable[[int], None]:
    """A function that is told of bytes as they are done and reports their sum."""
    done = 0

    def report(size: int) -> None:
        nonlocal done
        done += size
        if progress:
            progress(label, done, total)

    return report
