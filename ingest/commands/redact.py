"""The command that proves and renews the redaction: it parses, calls one function, and prints."""

from __future__ import annotations

import secrets
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ingest.commands.options import as_json_option, dry_run_option, yes_option
from ingest.commands.output import print_json
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.privacy.check import FINDING, UNREADABLE, Checked, Hit, check_data, check_paths
from ingest.privacy.key_file import SAME, OtherKeyError, export_key, import_key
from ingest.privacy.rewrite import COMMON, Rewrite, rewrite
from ingest.privacy.second_opinion import NotInstalledError, by_side, compared, load_scanner
from ingest.redaction import DEFAULT_RULES, KEY_BYTES, Redactor, load_or_create_key
from ingest.redaction.rules import CLASSES, read_rules
from ingest.terminal import many, number, progress_shown, show_heading, show_line, show_table, size, visible

SHOWN = 200


@click.command("redact")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--check", is_flag=True, help="Look for secrets in files and directories, or in all of the data directory."
)
@click.option("--test", "text", metavar="TEXT", help="Show what would be replaced in a text; - reads standard input.")
@click.option("--rewrite", "is_rewrite", is_flag=True, help="Apply the present rules to what was archived before.")
@click.option("--export-key", metavar="FILE", type=click.Path(path_type=Path), help="Copy the key to a new file.")
@click.option("--import-key", metavar="FILE", type=click.Path(path_type=Path), help="Take the key of another machine.")
@click.option("--personal", is_flag=True, help="With --check and --test: personal data too, not only secrets.")
@click.option("--second-opinion", is_flag=True, help="With --check: compare with what Kingfisher finds.")
@click.option("--project", "project_id", metavar="ID", help="With --rewrite: only what is kept of this project.")
@dry_run_option
@yes_option
@as_json_option
def redact_command(
    paths: tuple[Path, ...],
    check: bool,
    text: str | None,
    is_rewrite: bool,
    export_key: Path | None,
    import_key: Path | None,
    personal: bool,
    second_opinion: bool,
    project_id: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Prove that nothing secret is left, try the rules on a text, or apply changed rules to the old archive.

    Exactly one of --check, --test, --rewrite, --export-key and --import-key. No value is ever shown. --check and --test
    write nothing. The exit code of --check is 1 where something was found, and 2 where something could not be read.

    \b
    Example:
      python -m ingest redact --check
      python -m ingest redact --check exports/ notes.md
      python -m ingest redact --test "export TOKEN=..."
      python -m ingest redact --rewrite --dry-run
    """
    modes = [check, text is not None, is_rewrite, export_key is not None, import_key is not None]
    if sum(modes) != 1:
        raise click.UsageError("Give one of --check, --test TEXT, --rewrite, --export-key FILE and --import-key FILE.")
    for is_given, is_fitting, name in (
        (bool(paths), check, "PATH goes with --check"),
        (personal, check or text is not None, "--personal goes with --check and --test"),
        (second_opinion, check, "--second-opinion goes with --check"),
        (project_id is not None, is_rewrite, "--project goes with --rewrite"),
        (dry_run, is_rewrite, "--dry-run goes with --rewrite"),
        (yes, is_rewrite or import_key is not None, "--yes goes with --rewrite and --import-key"),
    ):
        if is_given and not is_fitting:
            raise click.UsageError(f"{name}.")
    data = DataDir.from_environment()
    classes = CLASSES if personal else CLASSES[:1]
    if check:
        _check(data, paths, classes, second_opinion=second_opinion, as_json=as_json)
    elif text is not None:
        _test(data, text, classes, as_json=as_json)
    elif is_rewrite:
        _rewrite(data, project_id, dry_run=dry_run, yes=yes, as_json=as_json)
    else:
        _key(data, export_key, import_key, yes=yes, as_json=as_json)


def _check(
    data: DataDir, paths: tuple[Path, ...], classes: tuple[str, ...], *, second_opinion: bool, as_json: bool
) -> None:
    # a finding is one with any key: reading must not make the data directory's own
    redactor = Redactor.load(secrets.token_bytes(KEY_BYTES), classes=classes)
    try:
        search = compared(redactor, load_scanner()) if second_opinion else None
        with progress_shown() as progress:
            checked = (
                check_paths(paths, redactor, progress, search=search)
                if paths
                else check_data(data, redactor, progress, search=search)
            )
    except NotInstalledError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(UNREADABLE)
    except IngestError as error:
        if as_json:
            print_json({"exit_code": UNREADABLE, "unread": [{"path": str(data.root), "reason": str(error)}]})
        click.echo(f"Error: {error}", err=True)
        sys.exit(UNREADABLE)
    sides = by_side(checked) if second_opinion else {"": checked.hits}
    if as_json:
        print_json(_document(checked, sides))
    else:
        for side, hits in sides.items():
            _show_hits(side, hits)
        _show_read(checked)
    sys.exit(checked.exit_code)


def _document(checked: Checked, sides: dict[str, list[Hit]]) -> dict[str, Any]:
    found = {side.replace(" ", "_") or "findings": [asdict(hit) for hit in hits] for side, hits in sides.items()}
    counts = ("files", "bytes", "links", "special", "repositories", "left_out")
    return (
        found
        | {"unread": [asdict(item) for item in checked.unread]}
        | {name: getattr(checked, name) for name in counts}
        | {"exit_code": checked.exit_code}
    )


def _show_hits(side: str, hits: list[Hit]) -> None:
    if side:
        show_heading(f"{side}: {many(sum(hit.count for hit in hits), 'finding')}")
    if hits:
        rows = [(hit.rule, _place(hit), number(hit.count)) for hit in hits[:SHOWN]]
        show_table(("rule", "where", "count"), rows, right=("count",))
    if len(hits) > SHOWN:
        show_line(f"… and {many(len(hits) - SHOWN, 'place')} more (--json has all)", "yellow")


def _place(hit: Hit) -> str:
    path = visible(hit.path)
    if hit.line is not None:
        return f"{path}:{hit.line}" if hit.line else f"{path} (its name)"
    return f"{path} {hit.table}.{hit.column}" if hit.table else f"{path} column {hit.column}"


def _show_read(checked: Checked) -> None:
    """What was read, and what was not."""
    for item in checked.unread[:SHOWN]:
        show_line(f"not read: {visible(item.path)}: {item.reason}", "yellow")
    if len(checked.unread) > SHOWN:
        show_line(f"not read: {number(len(checked.unread) - SHOWN)} more (--json has all)", "yellow")
    passed = (
        (checked.links, "symbolic link", "not followed"),
        (checked.special, "special file", "not read"),
        (checked.repositories, "repository's own directory", "not read: git history is checked on its own"),
    )
    for count, noun, what in passed:
        if count:
            show_line(f"{many(count, noun)}: {what}")
    if checked.left_out:
        show_line(f"left out, as no part of a data directory: {', '.join(checked.left_out)}")
    found = many(checked.findings, "finding")
    style = "red" if checked.hits else "yellow" if checked.unread else "green"
    unread = f"; {many(len(checked.unread), 'place')} could not be read" if checked.unread else ""
    show_line(f"{found} in {many(checked.files, 'file')} ({size(checked.bytes)}){unread}", style)
    if checked.exit_code == FINDING and not checked.left_out:
        show_line("Revoke what is real; `--rewrite` replaces what is in the archive.", "cyan")


def _test(data: DataDir, text: str, classes: tuple[str, ...], *, as_json: bool) -> None:
    given = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    has_key = data.redaction_key.exists()
    key = load_or_create_key(data.redaction_key) if has_key else secrets.token_bytes(KEY_BYTES)
    rules = {rule.rule_id: rule for rule in read_rules(DEFAULT_RULES)}
    redacted, findings = Redactor.load(key, classes=classes).redact_text_bytes(given)
    shown = redacted.decode("utf-8", "replace")
    if as_json:
        found = [asdict(f) | {"description": rules[f.rule_id].description} for f in findings]
        print_json({"text": shown, "findings": found, "has_own_key": has_key})
        return
    rows = [(str(f.line_number), f.rule_id, rules[f.rule_id].description) for f in findings]
    if rows:
        show_table(("line", "rule", "what it is"), rows, right=("line",))
    else:
        show_line("Nothing would be replaced.")
    if not has_key:
        show_line("There is no data directory with a key: these tokens are made with a key that is thrown away.")
    click.echo(shown)


def _rewrite(data: DataDir, project_id: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    if not dry_run and not yes:
        click.confirm(
            "Secrets that the present rules find are replaced in the archive for good (--dry-run shows them first). "
            "Go on?",
            abort=True,
            err=True,
        )
    with progress_shown() as progress:
        done = rewrite(data, project_id, progress, dry_run=dry_run)
    if as_json:
        print_json(_rewrite_document(done))
    else:
        _show_rewrite(done)
    sys.exit(0 if done.is_complete else 1)


def _rewrite_document(done: Rewrite) -> dict[str, Any]:
    return asdict(done) | {
        "rules": dict(sorted(done.rules.items())),
        "changed": done.changed,
        "complete": done.is_complete,
    }


def _show_rewrite(done: Rewrite) -> None:
    rows = [
        (project_id if project_id != COMMON else "–", path, rule, number(count))
        for project_id, part in done.parts.items()
        for path, rules in part.changed.items()
        for rule, count in rules.items()
    ]
    if rows:
        show_table(("project", "file", "rule", "count"), rows[:SHOWN], right=("count",))
        if len(rows) > SHOWN:
            show_line(f"… and {number(len(rows) - SHOWN)} more (--json has all)", "yellow")
    for sentence in [*done.failures, *done.unread]:
        show_line(sentence, "yellow")
    for path, rules in done.cold.items():
        found = ", ".join(f"{rule} {number(count)}" for rule, count in rules.items())
        show_line(
            f"{path} holds {found}, and cold storage is not rewritten: bring its sessions back with `restore`, run "
            "this again, then `archive` them. A snapshot is deleted and made anew.",
            "yellow",
        )
    files = sum(part.files for part in done.parts.values())
    verb = "would change" if done.dry_run else "changed"
    found = many(sum(done.rules.values()), "secret")
    show_line(f"{many(done.changed, 'file')} of {number(files)} {verb}: {found}; rules {done.rules_version}")
    if done.dry_run and done.changed:
        show_line("This was a dry run. → python -m ingest redact --rewrite", "cyan")
    elif done.changed and not done.dry_run:
        show_line("→ dbt build && python -m ingest publish; git history and backups: docs/commands.md, redact", "cyan")


def _key(data: DataDir, target: Path | None, source: Path | None, *, yes: bool, as_json: bool) -> None:
    if target is not None:
        export_key(data, target)
        outcome, where = "exported", target
    else:
        assert source is not None
        try:
            outcome = import_key(data, source, replace=yes)
        except OtherKeyError as error:
            raise IngestError(f"{error} With --yes it is replaced all the same.") from error
        where = data.redaction_key
    if as_json:
        print_json({"outcome": outcome, "path": str(where)})
    elif outcome == SAME:
        show_line("The data directory has this key already.")
    else:
        show_line(f"The key is in {where} (mode 0600). Whoever has it can test guesses at what a secret was.")
