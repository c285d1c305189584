"""The command about consent to shared exports: it parses, calls one function, and prints."""

from __future__ import annotations

from dataclasses import asdict

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.paths import DataDir
from ingest.privacy.consent import DISABLED, ENABLED, Consent, decide, read_consent
from ingest.terminal import show_line, show_table


@click.command("consent")
@click.option("--enable", "state", flag_value=ENABLED, help="Allow shared exports.")
@click.option("--disable", "state", flag_value=DISABLED, help="Forbid them.")
@click.option("--by", metavar="NAME", help="Who decides; otherwise who is logged in.")
@click.option("--scope", "projects", metavar="PROJECT", multiple=True, help="Only for this project; may be repeated.")
@as_json_option
def consent_command(state: str | None, by: str | None, projects: tuple[str, ...], as_json: bool) -> None:
    """Show or decide whether marts may be shared with other people: not configured, disabled or enabled.

    Without consent `share` writes nothing. Every decision stays in consent.json of the data directory. What was shared
    before is not taken back by --disable.

    \b
    Example:
      python -m ingest consent --enable --by "Ada" --scope my-project
    """
    data = DataDir.from_environment()
    if state is None:
        if by is not None or projects:
            raise click.UsageError("--by and --scope belong to --enable or --disable.")
        consent, is_new = read_consent(data), False
    else:
        consent, is_new = decide(data, state, by, projects)
    if as_json:
        print_json({"state": consent.state, "is_new": is_new, "history": [asdict(entry) for entry in consent.history]})
        return
    _show(consent)
    if state is not None and not is_new:
        show_line("That was decided already.")


def _show(consent: Consent) -> None:
    show_line(consent.sentence)
    if len(consent.history) > 1:
        show_table(
            ("when (UTC)", "decision", "by", "projects"),
            [(entry.at, entry.state, entry.by, ", ".join(entry.projects) or "all") for entry in consent.history],
        )
    if consent.state != ENABLED:
        show_line("→ python -m ingest share --preview", "cyan")
