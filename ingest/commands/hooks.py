"""The commands `python -m ingest hooks …`: they parse, call one function, and print."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ingest.commands.options import GROUP, as_json_option, dry_run_option
from ingest.commands.output import print_json
from ingest.hooks.install import HookChange, install, uninstall
from ingest.hooks.script import HOOK, shown
from ingest.hooks.status import HooksStatus, WorktreeHook, read_hooks
from ingest.terminal import number, show_line, show_table

repository_argument = click.argument("repository", metavar="REPO", type=click.Path(path_type=Path))
shared_option = click.option(
    "--shared-hooks-path",
    "allow_shared",
    is_flag=True,
    help="Also where core.hooksPath names a directory that other repositories use (a global one, for example).",
)


@click.group("hooks", context_settings=GROUP)
def hooks_group() -> None:
    """Set up a git hook that writes the id of the running Claude Code session into commit messages.

    docs/instrumentation.md says what that buys, how the session is found, and when no id is written.

    \b
    Example:
      python -m ingest hooks install ~/code/my-project
    """


@hooks_group.command("install")
@repository_argument
@shared_option
@dry_run_option
@as_json_option
def hooks_install_command(repository: Path, allow_shared: bool, dry_run: bool, as_json: bool) -> None:
    """Set up the hook, or bring it up to date; a prepare-commit-msg hook that is there is kept and runs first.

    Nothing is overwritten: where the hook cannot be set up beside what is there, one sentence says what to do.

    \b
    Example:
      python -m ingest hooks install ~/code/my-project --dry-run
    """
    _show(install(repository, allow_shared=allow_shared, dry_run=dry_run), dry_run, as_json)


@hooks_group.command("uninstall")
@repository_argument
@shared_option
@dry_run_option
@as_json_option
def hooks_uninstall_command(repository: Path, allow_shared: bool, dry_run: bool, as_json: bool) -> None:
    """Take the hook away and put back what was there before; trailers in commits stay.

    \b
    Example:
      python -m ingest hooks uninstall ~/code/my-project
    """
    _show(uninstall(repository, allow_shared=allow_shared, dry_run=dry_run), dry_run, as_json)


@hooks_group.command("status")
@repository_argument
@click.option(
    "--last",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many commits of each worktree to look at.",
)
@as_json_option
def hooks_status_command(repository: Path, last: int, as_json: bool) -> None:
    """Show for every worktree what is set up, whether it is intact, and how many of the last commits carry an id.

    \b
    Example:
      python -m ingest hooks status ~/code/my-project
    """
    status = read_hooks(repository, last)
    if as_json:
        print_json(_document(asdict(status)))
    else:
        _show_status(status)


def _show(change: HookChange, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(_document(asdict(change) | {"dry_run": dry_run}))
        return
    if change.scope:
        show_line(f"core.hooksPath is set ({change.scope}: {shown(change.origin or '')}).")
    path = shown(change.directory / HOOK)
    if change.action == "unchanged":
        show_line(f"{path}: nothing to do.")
        return
    show_line(f"{path} {'would be' if dry_run else 'is'} {change.action}{_of_version(change)}.")
    if change.runs_first:
        show_line("The hook that was there before is kept beside it and runs first.")
    if change.restored:
        show_line(f"The hook that was there before {'would be' if dry_run else 'is'} back in its place.")


def _of_version(change: HookChange) -> str:
    return "" if change.action == "uninstalled" else f" (version {change.version})"


def _show_status(status: HooksStatus) -> None:
    show_table(
        ("worktree", "hook", "version", "runs first", "commits", "with id", "hooks directory"),
        [
            (
                shown(tree.path),
                _state(tree),
                number(tree.version),
                "another hook" if tree.runs_first else "–",
                number(tree.commits),
                number(tree.commits_with_id),
                _directory(tree),
            )
            for tree in status.worktrees
        ],
        right=("version", "commits", "with id"),
    )
    if any(tree.state == "outdated" for tree in status.worktrees):
        show_line(
            f"Version {status.packaged_version} comes with the program. → python -m ingest hooks install REPO", "cyan"
        )


def _state(tree: WorktreeHook) -> str:
    return {"none": "not set up", "foreign": "another hook, not ours", "intact": "set up, intact"}.get(
        tree.state, tree.state
    )


def _directory(tree: WorktreeHook) -> str:
    if tree.directory is None:
        return "–"
    return shown(tree.directory) + (f" (core.hooksPath, {tree.scope})" if tree.scope else "")


def _document(value: Any) -> Any:
    """The same with paths as text."""
    if isinstance(value, dict):
        return {key: _document(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_document(item) for item in value]
    return shown(value) if isinstance(value, Path) else value
