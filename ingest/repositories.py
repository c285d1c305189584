"""What a repository is on this disk: its common directory and the paths of all of its worktrees."""

from __future__ import annotations

import configparser
from pathlib import Path

import git

from ingest.errors import IngestError
from ingest.files import normal_path


def open_repository(path: Path) -> git.Repo:
    """The repository that `path` is in (bare ones too). Raises IngestError if there is none."""
    try:
        return git.Repo(path, search_parent_directories=True, expand_vars=False)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError, OSError, ValueError) as error:
        raise IngestError(
            f"No git repository at {path}: give the path of a clone with --repo, or import with --git-metadata."
        ) from error


def common_directory(path: Path) -> str | None:
    """The git directory that all worktrees of a repository share, links resolved; None outside of any repository."""
    try:
        with open_repository(path) as repository:
            return str(Path(repository.common_dir).resolve())
    except IngestError:
        return None


def is_directory(path: str) -> bool:
    """Whether an absolute path is a directory that may be looked at. Text of a session may name anything."""
    try:
        return path.startswith("/") and Path(path).is_dir()
    except (OSError, ValueError):
        return False


def main_root(path: Path) -> Path:
    """The top of the main working tree of the repository that `path` is in, or the bare repository. Raises IngestError.

    Where the main working tree is gone, that of the worktree that `path` is in.
    """
    with open_repository(path) as repository:
        common = Path(repository.common_dir).resolve()
        if Path(repository.git_dir).resolve() != common:
            main = next(iter(_listed_worktrees(repository)), None)
            if main is not None and common_directory(main) == str(common):
                return main.resolve()
        return Path(repository.working_tree_dir or common).resolve()


def remote_addresses(path: Path) -> tuple[str, ...]:
    """The addresses of the repository's remotes as they are configured, `origin` first; they may hold credentials.

    Empty where its settings cannot be read, or `path` is in no repository.
    """
    try:
        with open_repository(path) as repository, repository.config_reader("repository") as config:
            sections = [name for name in config.sections() if name.startswith("remote ")]
            sections.sort(key=lambda name: (name != 'remote "origin"', name))
            return tuple(str(config.get(name, "url")) for name in sections if config.has_option(name, "url"))
    except (IngestError, OSError, ValueError, configparser.Error):
        return ()


def repository_root(path: Path) -> Path:
    """The top directory of the working tree that `path` is in, or the bare repository. Raises IngestError."""
    with open_repository(path) as repository:
        return Path(repository.working_tree_dir or repository.common_dir).resolve()


def worktree_paths(path: Path) -> tuple[str, ...]:
    """The root of the repository that `path` is in and all of its worktrees, also those whose directory is gone.

    Sorted, the root first; a path that goes through a link is listed as given and as resolved, because a record's
    `cwd` may be either. Raises IngestError if `path` is in no repository.
    """
    with open_repository(path) as repository:
        listed = _listed_worktrees(repository)
        root = Path(repository.working_tree_dir or repository.common_dir)
        given = path.expanduser().absolute()
        # Only where the path names the root itself: a link to a directory inside would widen the match wrongly.
        roots = [given] if given.resolve() == root.resolve() else []
    found: dict[str, None] = {}
    main = listed[:1] or [root]
    for candidate in (*main, *roots, *sorted(listed[1:], key=str), root):
        for form in (candidate, candidate.resolve()):
            found.setdefault(normal_path(str(form)))
    return tuple(found)


def _listed_worktrees(repository: git.Repo) -> list[Path]:
    """`git worktree list`: the main one first."""
    try:
        listing = repository.git.worktree("list", "--porcelain", "-z")
        fields = listing.split("\0")
    except git.GitCommandError:
        # git before 2.36 has no -z.
        try:
            fields = repository.git.worktree("list", "--porcelain").split("\n")
        except git.GitCommandError:
            return []
    return [Path(field.removeprefix("worktree ")) for field in fields if field.startswith("worktree ")]
