"""A forgetting that can be killed at any instant: what is left to do, until it is done.

`data/runs/forgetting.json` names what goes, as the data does meanwhile; it is written before anything goes and deleted
last. Every step can be done twice.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ingest.below import remove_below
from ingest.errors import IngestError
from ingest.files import open_regular, write_atomically
from ingest.forgetting.names import Names
from ingest.forgetting.tombstones import PROJECT
from ingest.paths import DataDir

JOURNAL = "forgetting.json"


@dataclass(frozen=True)
class Forgetting:
    """`roots` go, with the project `name` where `kind` is project. `counts` is what the run log is to say. Of several
    sessions at once `name` is empty.

    `subjects` are messages whose labels go, `files` the names of the sessions' files, `snapshots` those that have rows
    of it, `others` exports and files of people that name it, from the data directory on; None until that is known.
    """

    run_id: str
    kind: str
    name: str
    roots: tuple[str, ...]
    counts: dict[str, int]
    subjects: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    snapshots: tuple[str, ...] | None = None
    others: tuple[str, ...] | None = None

    @property
    def project_id(self) -> str | None:
        return self.name if self.kind == PROJECT else None

    @property
    def names(self) -> Names:
        return Names(frozenset(self.roots), frozenset(self.files or ()), self.project_id)


def journal_path(data: DataDir) -> Path:
    return data.runs / JOURNAL


def write_journal(data: DataDir, forgetting: Forgetting) -> None:
    """From here on it will be finished, whatever happens. Raises IngestError; nothing has gone then."""
    # Only this form can hold a file name that is no UTF-8.
    write_atomically(journal_path(data), json.dumps(asdict(forgetting)).encode("ascii"))


def read_journal(data: DataDir) -> Forgetting | None:
    """What was begun and not finished. Raises IngestError where that cannot be read."""
    path = journal_path(data)
    try:
        descriptor, _ = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            document = json.loads(file.read())
        for field in ("roots", "subjects", "files", "snapshots", "others"):
            document[field] = None if document[field] is None else tuple(map(str, document[field]))
        return Forgetting(**document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IngestError(f"{path} cannot be read ({error}): delete it and forget the same once more.") from error


def remove_journal(data: DataDir) -> None:
    """It is done."""
    remove_below(data.root, f"{data.runs.name}/{JOURNAL}")
