"""The data directory as a git repository of its own, apart from the product's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest.care.git_command import run_git
from ingest.errors import IngestError
from ingest.files import disk_errors, make_private_directory, write_atomically
from ingest.paths import PRODUCT_ROOT

# The truth is committed; what a sync or a build makes again, and the key, is not.
DATABASE_FILES = ("*.db", "*.db.wal", "*.db.tmp/", "*.db-journal")
REPORTS = ("logs/", "outputs/")
UNFINISHED = ("*.tmp", ".*.tmp", ".scratch/")
IGNORED = (
    ("Rebuilt by `python -m ingest sync` and `dbt build`", DATABASE_FILES),
    ("The key of the redaction tokens: whoever has it can test guesses. Back it up elsewhere", (".redaction_key*",)),
    ("Logs and exports", REPORTS),
    ("Unfinished writes", UNFINISHED),
    ("Of this machine: where backups go, and who is at work", ("/backup.json", "/runs/lock.json")),
)
# A setting of the repository; the hook reads it.
IS_DATA = "ope.isData"
KEPT_DIRECTORIES = ("raw", "processed", "validation", "runs")


@dataclass(frozen=True)
class DataRepository:
    """What `init_data` did: `root`, and which of the repository and its .gitignore it made or changed."""

    root: Path
    is_new: bool
    ignore_changed: bool


def init_data(root: Path) -> DataRepository:
    """Make `root` a git repository of its own with the right .gitignore; doing it again repairs the .gitignore.

    Raises IngestError for a directory inside the product's work tree other than its `data/`, one inside another
    repository, and a repository that shares a remote with the product: sessions must never be pushed there.
    """
    root = root.expanduser().resolve()
    product = PRODUCT_ROOT.resolve()
    if root == product or (product in root.parents and root != product / "data"):
        raise IngestError(
            f"{root} is inside the program's own repository: choose {product / 'data'} or a directory outside of it."
        )
    if root in product.parents:
        raise IngestError(f"{root} contains the program's own repository: choose a directory beside it.")
    with disk_errors(root):
        make_private_directory(root)
    top = _git(root, "rev-parse", "--show-toplevel")
    is_repository = top is not None and Path(top).resolve() == root
    if top is not None and not is_repository and Path(top).resolve() != product:
        raise IngestError(f"{root} is inside another repository ({top}): choose a directory outside of it.")
    if is_repository:
        refuse_shared_remote(root)
    else:
        _run_git(root, "init", "--quiet", "--initial-branch", "main")
    mark_as_data(root)
    for name in KEPT_DIRECTORIES:
        with disk_errors(root / name):
            make_private_directory(root / name)
    return DataRepository(root, not is_repository, _write_ignore(root / ".gitignore"))


def mark_as_data(root: Path) -> None:
    """Write into the repository's own settings that it holds the archive: our hook names no session in it."""
    if _git(root, "config", "--local", "--get", IS_DATA) != "true":
        _run_git(root, "config", "--local", IS_DATA, "true")


def ignore_text() -> str:
    """The .gitignore of a data directory."""
    parts = ["\n".join((f"# {title}.", *patterns)) for title, patterns in IGNORED]
    return "\n\n".join(parts) + "\n"


def _write_ignore(path: Path) -> bool:
    """Write the .gitignore, or add the patterns that an existing one lacks. Returns whether anything changed."""
    if not path.exists():
        write_atomically(path, ignore_text().encode(), 0o644)
        return True
    present = path.read_text(encoding="utf-8", errors="surrogateescape")
    lines = {line.strip() for line in present.splitlines()}
    missing = [pattern for _, patterns in IGNORED for pattern in patterns if pattern not in lines]
    if not missing:
        return False
    text = present + ("" if present.endswith("\n") or not present else "\n") + "\n".join(missing) + "\n"
    write_atomically(path, text.encode("utf-8", "surrogateescape"), 0o644)
    return True


def refuse_shared_remote(root: Path) -> None:
    """Raise IngestError where the repository `root` shares a remote with the program's, or has that one as a remote."""
    product = PRODUCT_ROOT.resolve()
    shared = _remotes(root) & (_remotes(product) | {normal_remote(str(product))})
    if shared:
        raise IngestError(
            f"The repository in {root} has the same remote as the program ({sorted(shared)[0]}): sessions must not be "
            "pushed there; remove that remote or choose another directory."
        )


def _remotes(repository: Path) -> set[str]:
    """The repository's remote addresses in one spelling, without user, password and scheme.

    As they are configured, and as `url.*.insteadOf` rewrites them.
    """
    top = _git(repository, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != repository:
        return set()
    listing = _git(repository, "config", "--get-regexp", r"^remote\..*\.(url|pushurl)$") or ""
    addresses = [line.split(" ", 1)[1] for line in listing.splitlines() if " " in line]
    for name in (_git(repository, "remote") or "").splitlines():
        for push in ((), ("--push",)):
            addresses += (_git(repository, "remote", "get-url", "--all", *push, "--", name) or "").splitlines()
    return {normal_remote(address) for address in addresses}


def normal_remote(address: str) -> str:
    """`git@host:a/b.git` and `https://user:secret@host/a/b` are the same remote: `host/a/b`."""
    text = address.strip()
    scheme, found, rest = text.partition("://")
    if found and scheme != "file":
        host, _, path = rest.partition("/")
        host = host.rsplit("@", 1)[-1].split(":", 1)[0]
    elif not found and ":" in text.split("/", 1)[0]:
        host, _, path = text.partition(":")
        host = host.rsplit("@", 1)[-1]
    else:
        return str(Path(rest if found else text).expanduser().resolve()).removesuffix("/.git").removesuffix(".git")
    return f"{host.lower()}/{path.strip('/').removesuffix('.git')}".lower()


def _git(directory: Path, *arguments: str) -> str | None:
    """The output of a git command, None if it failed."""
    answer = run_git(directory, *arguments)
    return None if answer.code else answer.text.strip()


def _run_git(directory: Path, *arguments: str) -> None:
    if _git(directory, *arguments) is None:
        raise IngestError(f"`git {arguments[0]}` failed in {directory}: check that the directory can be written.")
