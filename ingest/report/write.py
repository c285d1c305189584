"""Writes the report: asks a database that nobody has to wait for, draws, and replaces the page in one step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.database import opened_read_only
from ingest.errors import IngestError
from ingest.files import write_atomically
from ingest.operations.history import read_builds
from ingest.paths import DataDir
from ingest.report.page import render
from ingest.report.questions import PUBLISHED, Answers, ask_all
from ingest.report.scope import Scope
from ingest.runlog import now
from ingest.settings import setting

FILE = "report.html"


@dataclass(frozen=True)
class Written:
    """Where the page is and how long it is, the database it was read from, and what is in it.

    `is_behind`: that database is `marts.db`, and `ope.db` was built after what was published.
    """

    path: str
    bytes: int
    source: str
    is_behind: bool
    sessions: int
    commits: int


def write_report(data: DataDir, scope: Scope, out: Path | None = None) -> Written:
    """Make the page of `scope` and write it to `out` (default: `outputs/report.html`), mode 0600.

    Raises IngestError where no database can be read or has marts, for an unknown project, and when the disk refuses.
    """
    path = out or data.outputs / FILE
    if path.is_dir():
        raise IngestError(f"{path} is a directory: name a file with --out.")
    source, answers, made_at = _ask(data, scope)
    page = render(answers, source.name, made_at).encode("utf-8")
    write_atomically(path, page)
    totals = answers["totals"].row
    return Written(
        path=str(path),
        bytes=len(page),
        source=source.name,
        is_behind=_is_behind(data, answers),
        sessions=totals["sessions"],
        commits=totals["commits"],
    )


def _ask(data: DataDir, scope: Scope) -> tuple[Path, Answers, datetime]:
    """From `marts.db`, which nobody writes to; else from `ope.db`, open while questions are asked.

    The second where the first is missing, cannot be read, or does not know the project yet; the reason of the first
    stands where both fail.
    """
    reason: IngestError | None = None
    for source in (data.published, data.database):
        if source == data.published and not source.exists():
            continue
        try:
            with opened_read_only(source) as connection:
                answers = ask_all(connection, scope, int(setting("report_rows")))
                made_at = connection.execute("select local_time(?::timestamp)", [now()]).fetchall()[0][0]
            return source, answers, made_at
        except IngestError as error:
            reason = reason or error
    raise reason or IngestError(f"There is no database in {data.root}: run `make build`.")


def _is_behind(data: DataDir, answers: Answers) -> bool:
    """Where another program holds `ope.db`, nobody waits to know."""
    if PUBLISHED not in answers.by_name:
        return False
    published, builds = answers[PUBLISHED].row["built_at"], read_builds(data, 1)
    return bool(published and builds and builds[-1].ended_at > published)
