"""`data/projects.json`: which projects there are, where their sessions and repositories lie, how far each one is."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from ingest.agents.claude_code import find_session_directories
from ingest.errors import IngestError
from ingest.files import exclusive_lock, is_inside, normal_path, printable, write_atomically
from ingest.paths import DataDir
from ingest.repositories import repository_root, worktree_paths
from ingest.versions.documents import Upgrades, upgraded

SCHEMA_PATH = Path(__file__).with_name("projects.schema.json")
SCHEMA_VERSION = 1
# None yet: this is the first version. docs/versions.md says what a second one needs.
UPGRADES: Upgrades = {}
STATUSES = ("pending_processing", "processing", "completed", "archived", "excluded")
# Left alone by sync and out of the warehouse, until somebody includes it again.
EXCLUDED = "excluded"
# Retention days of a project whose sessions stay for ever.
NEVER = "never"
NOTHING_REGISTERED = (
    "No project is registered: `python -m ingest discover` shows what is on this machine, `python -m ingest "
    "add-project --repo PATH` adds a repository."
)

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
# What stands before the last @ of a URL's host part: user names, passwords, access tokens.
# A password with a slash in it is no valid URL, but people paste it; host:8080/@x is none.
_USERINFO = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/?#:@]*:(?!\d+[/?#])\S*|[^/\s?#]*)@")
_UNSET: Any = object()


@dataclass(frozen=True)
class Project:
    """One entry of the registry. Paths are absolute; the schema beside this file describes each field."""

    project_id: str
    name: str
    repository: str | None
    repository_paths: tuple[str, ...]
    session_directories: tuple[str, ...]
    git_metadata: str | None
    status: str
    added_at: str
    since: str | None
    notes: str
    instrumentation_tier: int | None
    retention_days: int | str | None = None  # NEVER, or None for the variable of dbt_project.yml
    remote: str | None = None  # an address without secrets, in the place of `repository`
    has_chosen_sessions: bool = False  # somebody named the session directories: none is added to them


def load_projects(data: DataDir) -> list[Project]:
    """The registered projects in the order of their ids; none if nothing was registered yet.

    Raises IngestError if the file cannot be read, was written by a newer program, or does not follow the schema.
    """
    try:
        text = data.registry.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise IngestError(f"Cannot read {data.registry}: {error}; check its permissions or restore it.") from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise IngestError(
            f"{data.registry} is not valid JSON ({error}): correct it or restore an older copy."
        ) from error
    document = upgraded(document, data.registry, SCHEMA_VERSION, UPGRADES)
    _validate(document, data.registry)
    return [_from_json(entry) for entry in document["projects"]]


def save_projects(data: DataDir, projects: Iterable[Project]) -> None:
    """Replace the registry in one step. Raises IngestError, changing nothing, if an entry breaks the schema."""
    ordered = sorted(projects, key=lambda project: project.project_id)
    document = {"schema_version": SCHEMA_VERSION, "projects": [_to_json(project) for project in ordered]}
    _validate(document, data.registry)
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    write_atomically(data.registry, text.encode("utf-8"))


def get_project(data: DataDir, project_id: str) -> Project:
    """The project with this id. Raises IngestError, naming the registered ids, if there is none."""
    return _pick(load_projects(data), project_id)


def register(
    data: DataDir,
    *,
    name: str,
    repository: str | Path | None = None,
    remote: str | None = None,
    sessions: Sequence[str | Path] = (),
    found: Sequence[str | Path] = (),
    git_metadata: str | Path | None = None,
    project_id: str | None = None,
    since: str | date | None = None,
    notes: str = "",
) -> Project:
    """Add a project, or update it where the id is registered already.

    An update replaces what is given and keeps the rest, the date and the status. Without `sessions` the repository's
    session directories are looked for, or are those `found` already; what belongs to others is left to them. `remote`
    is an address without secrets, in the place of `repository`. Raises IngestError for what does not exist or belongs
    to others.
    """
    name = _clean(name).strip()
    if not name:
        raise IngestError("A project needs a name: give one with --name.")
    identifier = project_id or slug(name)
    if not is_project_id(identifier):
        raise IngestError(
            f"{identifier!r} cannot be a project id: give one of lower-case letters, digits and hyphens with --id."
        )
    root = _repository(repository)
    paths = worktree_paths(Path(repository).expanduser()) if root and repository else ()
    metadata = _metadata(git_metadata)
    day = _day(since)
    given = tuple(dict.fromkeys(_session_directory(path) for path in sessions or found))
    if not (sessions or found) and root:
        given = tuple(str(path.resolve()) for path in find_session_directories(Path(root)))

    with _locked(data) as projects:
        old = next((project for project in projects if project.project_id == identifier), None)
        others = [project for project in projects if project.project_id != identifier]
        if old and not project_id and old.name.casefold() != name.casefold():
            raise IngestError(
                f"The name {name!r} gives the id {identifier!r}, which belongs to {old.name!r}: "
                "choose another id with --id, or give this one with --id to rename that project."
            )
        if not sessions:
            given = tuple(path for path in given if not any(_owners(path, others)))
        if old:
            # Found directories are added to the known ones: a session's directory may be gone while its archive is not.
            directories = given if sessions else tuple(dict.fromkeys((*old.session_directories, *given)))
            project = replace(
                old,
                name=name,
                repository=None if remote else (root or old.repository),
                repository_paths=paths or old.repository_paths,
                remote=remote or (None if root else old.remote),
                has_chosen_sessions=bool(sessions) or old.has_chosen_sessions,
                session_directories=_without_nested(directories),
                git_metadata=metadata or old.git_metadata,
                since=day or old.since,
                notes=_clean(notes) or old.notes,
            )
        else:
            project = Project(
                project_id=identifier,
                name=name,
                repository=root,
                repository_paths=paths,
                session_directories=_without_nested(given),
                git_metadata=metadata,
                status="pending_processing",
                added_at=f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
                since=day,
                notes=_clean(notes),
                instrumentation_tier=None,
                remote=remote,
                has_chosen_sessions=bool(sessions),
            )
        if not (project.repository or project.remote or project.session_directories or project.git_metadata):
            raise IngestError(f"The project {name!r} has nothing to read: give --repo, --sessions or --git-metadata.")
        _refuse_overlap(project, others)
        save_projects(data, [*others, project])
    return project


def put(data: DataDir, project: Project) -> None:
    """Save an entry in the place of the one with its id, or beside the others."""
    with _locked(data) as projects:
        save_projects(data, [*(other for other in projects if other.project_id != project.project_id), project])


def is_project_id(text: str) -> bool:
    """Whether the text can be the id of a project."""
    return _SLUG.fullmatch(text) is not None


def remove(data: DataDir, project_id: str) -> Project:
    """Take a project out of the registry and return it; its archive is not touched."""
    with _locked(data) as projects:
        project = _pick(projects, project_id)
        save_projects(data, [other for other in projects if other.project_id != project_id])
    return project


def set_status(data: DataDir, project_id: str, status: str, instrumentation_tier: int | None = _UNSET) -> Project:
    """Note how far a project is and, where given, its tier (1-3, or None for unknown). Returns the new entry."""
    with _locked(data) as projects:
        project = replace(_pick(projects, project_id), status=status)
        if instrumentation_tier is not _UNSET:
            project = replace(project, instrumentation_tier=instrumentation_tier)
        save_projects(data, [project if other.project_id == project_id else other for other in projects])
    return project


def set_retention(data: DataDir, project_id: str, days: int | str | None) -> Project:
    """Note how many days the project's sessions stay (NEVER: for ever; None: as elsewhere). Returns the new entry."""
    with _locked(data) as projects:
        project = replace(_pick(projects, project_id), retention_days=days)
        save_projects(data, [project if other.project_id == project_id else other for other in projects])
    return project


def slug(name: str) -> str:
    """The id that a name gives: ASCII letters and digits in lower case, everything else one hyphen; may be empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100].rstrip("-")


def without_credentials(text: str) -> str:
    """The text with user names, passwords and tokens cut out of every URL in it."""
    return _USERINFO.sub(r"\1", text)


def _clean(text: str) -> str:
    return printable(without_credentials(text))


@contextmanager
def _locked(data: DataDir) -> Iterator[list[Project]]:
    """The registry, held so that a second command cannot overwrite what this one saves."""
    with exclusive_lock(data.root, "the registry"):
        yield load_projects(data)


def _pick(projects: list[Project], project_id: str) -> Project:
    for project in projects:
        if project.project_id == project_id:
            return project
    known = ", ".join(project.project_id for project in projects) or "none yet"
    raise IngestError(
        f"No project {printable(project_id)!r} is registered (registered: {known}): add it with add-project."
    )


def _repository(path: str | Path | None) -> str | None:
    if path is None or str(path) == "":
        return None
    existing = _existing(path, "repository", "give the path of a clone with --repo")
    return repository_root(existing).as_posix()


def _session_directory(path: str | Path) -> str:
    return _existing(
        path, "session directory", "give a directory that holds *.jsonl sessions with --sessions"
    ).as_posix()


def _existing(path: str | Path, what: str, advice: str, *, is_file: bool = False) -> Path:
    resolved = Path(path).expanduser().resolve()
    if printable(str(resolved)) != str(resolved):
        raise IngestError(
            f"The path {printable(str(resolved))} is not valid UTF-8: rename it, or give a link with another name."
        )
    if not (resolved.is_file() if is_file else resolved.is_dir()):
        problem = f"is not a {'file' if is_file else 'directory'}" if resolved.exists() else "does not exist"
        raise IngestError(f"The {what} {_clean(str(path))} {problem}: {advice}.")
    return resolved


def _metadata(path: str | Path | None) -> str | None:
    if path is None or str(path) == "":
        return None
    advice = "give the path of a git-metadata.json with --git-metadata"
    return _existing(path, "git metadata", advice, is_file=True).as_posix()


def _day(since: str | date | None) -> str | None:
    if since is None or since == "":
        return None
    if isinstance(since, datetime):
        since = since.date()
    if isinstance(since, date):
        return since.isoformat()
    try:
        return datetime.strptime(since, "%Y-%m-%d").date().isoformat()
    except ValueError as error:
        raise IngestError(f"{since!r} is not a day: write --since as YYYY-MM-DD.") from error


def _without_nested(directories: Sequence[str]) -> tuple[str, ...]:
    """A directory inside another one of the same project would be read twice: the outer one stays."""
    return tuple(
        directory
        for directory in directories
        if not any(directory != other and is_inside(directory, other) for other in directories)
    )


def _owners(directory: str, others: Sequence[Project]) -> Iterator[tuple[str, str, str]]:
    """(the directory, theirs, their id) for each session directory of others that it is, lies in or contains."""
    # Resolved again: a link may have been set since the other project was registered.
    mine = str(Path(directory).resolve())
    for other in others:
        for theirs in (str(Path(taken).resolve()) for taken in other.session_directories):
            if is_inside(mine, theirs) or is_inside(theirs, mine):
                yield mine, theirs, other.project_id


def _refuse_overlap(project: Project, others: Sequence[Project]) -> None:
    for directory in project.session_directories:
        for mine, theirs, other in _owners(directory, others):
            same = normal_path(mine) == normal_path(theirs)
            relation = "is" if same else ("lies inside" if is_inside(mine, theirs) else "contains")
            raise IngestError(
                f"The session directory {mine} of {project.project_id!r} {relation} {theirs} of {other!r}: a directory "
                f"belongs to one project, so choose others with --sessions or remove {other!r} first."
            )


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def _validate(document: Any, path: Path) -> None:
    error = next(iter(sorted(_validator().iter_errors(document), key=lambda error: list(map(str, error.path)))), None)
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path) or "the whole file"
        raise IngestError(
            f"{path} does not follow its schema at {where}: {_clean(error.message)}; correct it and try again."
        )
    ids = [entry["id"] for entry in document["projects"]]
    doubled = sorted({identifier for identifier in ids if ids.count(identifier) > 1})
    if doubled:
        raise IngestError(f"{path} has the project id {doubled[0]!r} twice: remove one of the entries.")


def _from_json(entry: dict[str, Any]) -> Project:
    fields = {**entry, "project_id": entry["id"]}
    del fields["id"]
    fields["repository_paths"] = tuple(entry["repository_paths"])
    fields["session_directories"] = tuple(entry["session_directories"])
    return Project(**fields)


def _to_json(project: Project) -> dict[str, Any]:
    fields = asdict(project)
    fields["repository_paths"] = list(project.repository_paths)
    fields["session_directories"] = list(project.session_directories)
    for optional in ("retention_days", "remote", "has_chosen_sessions"):
        if fields[optional] is None or fields[optional] is False:  # 0 is not: the schema says what is wrong with it
            del fields[optional]
    return {"id": fields.pop("project_id"), **fields}
