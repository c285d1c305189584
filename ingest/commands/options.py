"""Options that many commands have."""

from __future__ import annotations

import click

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for a program to read.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only show what would be done.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")

# Of a group of commands, so that they look alike.
GROUP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
