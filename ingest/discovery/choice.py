"""What a person means who names little: which repository, which project, what it is called, which sessions are its."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from ingest.agents.claude_code import default_root
from ingest.care.git_command import run_git
from ingest.data_repository import IS_DATA, normal_remote
from ingest.discovery.discover import grouped
from ingest.discovery.naming import address_name, free_name, repository_name
from ingest.discovery.places import REPOSITORY
from ingest.discovery.scan import scan
from ingest.errors import IngestError
from ingest.files import is_inside, printable
from ingest.paths import PRODUCT_ROOT, DataDir
from ingest.registry import Project, slug
from ingest.remote.address import Address
from ingest.repositories import common_directory, is_directory, main_root, remote_addresses, repository_root
from ingest.settings import setting


@dataclass(frozen=True)
class Choice:
    """What was given, and what it was taken to mean. `understood` says how, a sentence part for each."""

    name: str | None
    project_id: str | None
    repository: Path | None = None
    address: Address | None = None
    has_sources: bool = False  # sessions or a git-metadata.json were named
    understood: tuple[str, ...] = ()


def choose(data: DataDir, projects: Sequence[Project], given: Choice) -> Choice:
    """Fill in what was not given: the repository of the working directory, the project that is registered for it, a
    name. Raises IngestError where that is evidently a mistake, or nothing can be made of it."""
    choice = given
    if not (given.repository or given.address or given.has_sources or _registered(projects, given)):
        root = _working_repository(data)
        choice = replace(choice, repository=root, understood=(f"repository: {_shown(root)}, of the working directory",))
    elif given.repository is not None and is_directory(str(given.repository.expanduser().absolute())):
        _refuse_data(data, repository_root(given.repository.expanduser()))
    if choice.name is None:
        choice = _named(projects, choice)
    return choice


def _registered(projects: Sequence[Project], given: Choice) -> Project | None:
    wanted = given.project_id or (slug(given.name) if given.name else None)
    return next((project for project in projects if project.project_id == wanted), None)


def _named(projects: Sequence[Project], choice: Choice) -> Choice:
    known = _registered(projects, choice) if choice.project_id else _of_repository(projects, choice)
    if known is not None:
        remark = f"project: {known.project_id}, which is registered already; what is new is added"
        return replace(choice, name=known.name, project_id=known.project_id, understood=(*choice.understood, remark))
    if choice.project_id:
        return replace(choice, name=choice.project_id)
    taken = {project.project_id for project in projects}
    if choice.address is not None:
        name = free_name([address_name(choice.address.url)], taken)
    elif choice.repository is not None:
        name = repository_name(main_root(choice.repository.expanduser()), taken)
    else:
        raise IngestError("A project without a repository needs a name: give one with --name.")
    return replace(choice, name=name, understood=(*choice.understood, f"name: {name}; --name gives another"))


def _of_repository(projects: Sequence[Project], choice: Choice) -> Project | None:
    """The project that is registered for the same repository, whatever path or address it was given by."""
    if choice.address is not None:
        wanted = normal_remote(choice.address.url)
        return next((p for p in projects if p.remote and normal_remote(p.remote) == wanted), None)
    if choice.repository is None:
        return None
    common = common_directory(choice.repository.expanduser())
    return next(
        (p for p in projects if common and p.repository and common_directory(Path(p.repository)) == common), None
    )


def _working_repository(data: DataDir) -> Path:
    here = Path.cwd()
    common = common_directory(here)
    if common is None and not is_inside(str(here), str(PRODUCT_ROOT)):
        raise IngestError(
            f"There is no git repository in {_shown(here)}: run this inside of one, or name one with --repo, or give "
            "--sessions and --name; `python -m ingest discover` shows what is on this machine."
        )
    if common is not None:
        _refuse_data(data, repository_root(here))
    is_product = common_directory(PRODUCT_ROOT) == common and repository_root(PRODUCT_ROOT) == PRODUCT_ROOT
    if is_product or is_inside(str(here.resolve()), str(PRODUCT_ROOT)):
        script = _shown(PRODUCT_ROOT / ".venv" / "bin" / "ope")
        raise IngestError(
            "This is the program's own directory: name yours with `python -m ingest add-project --repo PATH`, or "
            f"run `{script} add-project` inside of it; `python -m ingest discover` shows what is on this machine."
        )
    return main_root(here)


def _refuse_data(data: DataDir, root: Path) -> None:
    """An archive is no project: each commit of it would be one more to archive."""
    if root == data.root.resolve() or run_git(root, "config", "--local", "--get", IS_DATA).text == "true":
        raise IngestError(
            f"{_shown(root)} is a data directory of this program, not a project: each commit of the archive would be "
            "one more to archive; give another repository with --repo."
        )


def sessions_of_remote(address: Address) -> list[str]:
    """The agent's session directories with a session in a clone of the repository on this machine."""
    wanted = normal_remote(address.url)
    found: dict[str, None] = {}
    for place, sessions in grouped(scan([default_root()]).sessions).items():
        if place.kind == REPOSITORY and place.path and wanted in map(normal_remote, remote_addresses(Path(place.path))):
            found.update((session.directory, None) for session in sessions)
    return sorted(found)


def first_day_of_history(directories: Sequence[str]) -> date:
    """The day from which a repository on another machine is read: some weeks before the first session, else before
    today (variable `remote_days_before`)."""
    days = [s.edges.first_day for s in scan(map(Path, directories)).sessions if s.edges.first_day]
    first = date.fromisoformat(min(days)) if days else datetime.now(timezone.utc).date()
    return first - timedelta(days=setting("remote_days_before"))


def _shown(path: Path) -> str:
    return printable(str(path))
