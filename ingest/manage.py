"""Projects into the data directory and out of it: what `add-project` and `remove-project` do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.agents.claude_code import list_files
from ingest.agents.edges import read_edges
from ingest.archive_delete import delete_archive
from ingest.cold.journal import finish
from ingest.cold.part import stored_files
from ingest.database import opened, opened_read_only
from ingest.discovery.choice import Choice, choose, first_day_of_history, sessions_of_remote
from ingest.errors import IngestError
from ingest.files import close_to_others
from ingest.landing_rows import count_rows, remove_rows
from ingest.locks import data_lock
from ingest.paths import DataDir
from ingest.progress import Progress
from ingest.redaction import load_redactor
from ingest.registry import Project, get_project, load_projects, register, remove, slug
from ingest.remote.address import Address, is_address, parse_address
from ingest.remote.clone import check_address
from ingest.runlog import new_run_id
from ingest.sync import describe


@dataclass(frozen=True)
class FoundSessions:
    """The transcripts of one session directory: how many, their bytes, first and last day seen."""

    directory: str
    files: int
    bytes: int
    first_day: str | None
    last_day: str | None


@dataclass(frozen=True)
class Added:
    """A project as it is registered now, its sessions, and the commits of its history (None where none was read).

    `failures` are sentences for the user: what could not be read. `understood` says what was taken for what was not
    given.
    """

    project: Project
    sessions: list[FoundSessions]
    commits: int | None
    failures: list[str]
    understood: list[str]


@dataclass(frozen=True)
class Removal:
    """What removing a project takes: rows by table of schema `raw`; `directories` are deleted if `delete_archive`."""

    project_id: str
    name: str
    rows: dict[str, int]
    directories: list[str]
    archived_files: int
    archived_bytes: int
    delete_archive: bool


def add_project(
    data: DataDir,
    *,
    name: str | None = None,
    repository: str | Path | None = None,
    sessions: Sequence[Path] = (),
    git_metadata: Path | None = None,
    project_id: str | None = None,
    since: str | None = None,
    notes: str = "",
    progress: Progress | None = None,
) -> Added:
    """Register or update a project, read its history and detect its instrumentation tier; copies no session.

    `repository` is a path or the address of one on another machine. A new project without any source gets the
    repository of the working directory, one without a name that of its repository. Raises IngestError as `register`
    and `choose`, and where another command is at work in the data directory; nothing is registered then.
    """
    address = _address(repository)
    given = Choice(
        name=name,
        project_id=project_id,
        repository=Path(repository) if repository and not address else None,
        address=address,
        has_sources=bool(sessions or git_metadata),
    )
    # Before the lock: what is a mistake must not make a data directory.
    registered = load_projects(data)
    choice = choose(data, registered, given)
    if address and choice.project_id not in {project.project_id for project in registered}:
        check_address(address)
    with data_lock(data, "add-project"):
        if not registered:
            close_to_others(data.root)
        redactor = load_redactor(data)
        name, notes = redactor.redact_text(choice.name or ""), redactor.redact_text(notes)
        if address and redactor.redact_text(address.url) != address.url:
            raise IngestError("The URL of --repo holds what looks like a secret: give it without.")
        found, understood = _sessions_of(address, sessions)
        if address and not since:
            since, remark = _since(data, choice.project_id or slug(name), sessions or found)
            understood.append(remark)
        project = register(
            data,
            name=name,
            repository=choice.repository,
            remote=address.url if address else None,
            sessions=sessions,
            found=found,
            git_metadata=git_metadata,
            project_id=choice.project_id,
            since=since,
            notes=notes,
        )
        outcome = describe(data, project, redactor, new_run_id(), progress, address=address)
    return Added(
        project=get_project(data, project.project_id),
        sessions=found_sessions(project),
        commits=outcome.history.commits if outcome.history else None,
        failures=[*outcome.failures, *outcome.gone],
        understood=[*choice.understood, *understood],
    )


def _address(repository: str | Path | None) -> Address | None:
    text = str(repository) if repository else ""
    return parse_address(text) if is_address(text) and not Path(text).exists() else None


def _sessions_of(address: Address | None, sessions: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The session directories that clones of the address on this machine have, and what to say about that."""
    if address is None or sessions:
        return [], []
    found = sessions_of_remote(address)
    remark = f"sessions: of clones of {address.url} on this machine" if found else ""
    said = [remark] if remark else []
    if address.password is not None:
        said.append("user and password of the URL: used this once and not kept; a sync asks git's credential helper")
    return found, said


def _since(data: DataDir, project_id: str, directories: Sequence[str | Path]) -> tuple[str, str]:
    """From which day a repository on another machine is read where nobody says it: as before, else by its sessions."""
    old = next((project for project in load_projects(data) if project.project_id == project_id), None)
    day = old.since if old and old.since else first_day_of_history([str(path) for path in directories]).isoformat()
    return day, f"history: from {day} on; --since reads more"


def found_sessions(project: Project) -> list[FoundSessions]:
    """What lies in the project's session directories; reads only the edges of the files."""
    found = []
    for directory in project.session_directories:
        files = [file.path for file in list_files(Path(directory))[0] if file.kind == "transcript"]
        edges = [_edges(path) for path in files]
        days = sorted(day for _, some in edges for day in some)
        total = sum(count for count, _ in edges)
        found.append(FoundSessions(directory, len(files), total, days[0] if days else None, days[-1] if days else None))
    return found


def plan_removal(data: DataDir, project_id: str, *, delete_archive: bool) -> Removal:
    """Count what would go; changes nothing. Raises IngestError for an unknown project or a locked database."""
    project = get_project(data, project_id)
    directories = [path for path in data.project_places(project_id) if path.exists()]
    files = [path for directory in directories for path in directory.rglob("*") if path.is_file()]
    cold = [data.archived / path for path in stored_files(data, project_id)]
    directories += sorted({path.parents[1] for path in cold})
    files += cold
    rows: dict[str, int] = {}
    if data.database.exists():
        with opened_read_only(data.database) as connection:
            rows = count_rows(connection, project_id)
    return Removal(
        project_id=project_id,
        name=project.name,
        rows=rows,
        directories=[str(path) for path in directories],
        archived_files=len(files),
        archived_bytes=sum(path.stat().st_size for path in files),
        delete_archive=delete_archive,
    )


def remove_project(data: DataDir, removal: Removal) -> None:
    """Remove the project: its rows first, then, if so planned, its archive, and last its entry.

    Raises IngestError when the database is locked or another command is at work; nothing has gone then. After a kill
    the same command, or the next sync, takes the rest.
    """
    with data_lock(data, "remove-project"):
        if removal.delete_archive:
            finish(data)  # a move of its sessions that was cut short
        if data.database.exists():
            with opened(data) as connection:
                remove_rows(connection, [removal.project_id])
        if removal.delete_archive:
            delete_archive(data, removal.project_id)
        remove(data, removal.project_id)


def _edges(path: Path) -> tuple[int, list[str]]:
    """The file's size and the days at its beginning and its end."""
    try:
        edges = read_edges(path)
    except OSError:
        return 0, []
    return edges.size, [day for day in (edges.first_day, edges.last_day) if day]
