"""The commands about links between sessions and commits: they parse, call one function, and print."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict

import click

from ingest.commands.options import as_json_option
from ingest.commands.output import print_json
from ingest.explain import BEST, CommitExplained, explain
from ingest.explain_output import show_commit, show_session
from ingest.label_output import ask_questions, show_answers, show_sample
from ingest.labelling import DEFAULT_SEED, DEFAULT_SET, SIZES, take_sample
from ingest.link_labels import labeller, labels_held
from ingest.low_confidence import HIGHEST, LOWEST, write_low_confidence
from ingest.paths import DataDir
from ingest.terminal import many, show_line


@click.command("explain")
@click.argument("target", metavar="COMMIT|SESSION")
@click.option("--project", "project_id", metavar="ID", help="Look in this project only.")
@click.option("--best", metavar="N", type=click.IntRange(min=1), default=BEST, show_default=True, help="Show so many.")
@click.option("--all", "show_all", is_flag=True, help="Show everything: all candidates, all evidence, all files.")
@click.option("--lines", "with_lines", is_flag=True, help="Show the log lines that the evidence comes from, cut.")
@as_json_option
def explain_command(
    target: str, project_id: str | None, best: int, show_all: bool, with_lines: bool, as_json: bool
) -> None:
    """Show which session wrote a commit and why, or what a session did, cost and wrote.

    COMMIT is a hash or its first four digits or more: each candidate comes with its confidence, the evidence for it,
    what speaks against it, and the archived log lines that it comes from. SESSION is an id or its beginning: turns,
    cost by model, files, commits, subagents, where it is archived and what is wrong with it.

    \b
    Example:
      python -m ingest explain 1a2b3c4d
      python -m ingest explain 03a1382e
      python -m ingest explain 1a2b3c4d --all --lines
    """
    found = explain(
        DataDir.from_environment(),
        target,
        project_id=project_id,
        best=None if show_all else best,
        with_lines=with_lines,
    )
    if as_json:
        kind = "commit" if isinstance(found, CommitExplained) else "session"
        print_json({"kind": kind} | asdict(found))
    elif isinstance(found, CommitExplained):
        show_commit(found, whole=show_all)
    else:
        show_session(found, whole=show_all or with_lines)


class _Size(click.ParamType):
    """`BAND=N`."""

    name = "BAND=N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        band, _, count = str(value).partition("=")
        if not band or not count.isascii() or not count.isdecimal():
            self.fail(f"{value!r} is not of the form BAND=N, such as low=20.", param, ctx)
        return band, int(count)


_DEFAULT_SIZES = ", ".join(f"{band}={count}" for band, count in SIZES.items())


@click.command("label")
@click.argument("project_id", metavar="PROJECT")
@click.option("--by", "given_name", metavar="NAME", help="Who labels; default: git's user.name.")
@click.option(
    "--set", "label_set", metavar="NAME", default=DEFAULT_SET, show_default=True, help="The name of the labels."
)
@click.option(
    "--size",
    "sizes",
    type=_Size(),
    multiple=True,
    help=f"Pairs of a band to ask about, per method; may be given several times; default: {_DEFAULT_SIZES}.",
)
@click.option("--method", "methods", metavar="KIND", multiple=True, help="Only pairs with this method; several times.")
@click.option(
    "--seed", metavar="N", type=int, default=DEFAULT_SEED, show_default=True, help="Another number, another sample."
)
@click.option("--lines", "with_lines", is_flag=True, help="Show the log lines that the evidence comes from, cut.")
@click.option("--dry-run", is_flag=True, help="Only show what would be asked about.")
@click.option("--json", "as_json", is_flag=True, help="Print the sample as one JSON document and ask nothing.")
def label_command(
    project_id: str,
    given_name: str | None,
    label_set: str,
    sizes: tuple[tuple[str, int], ...],
    methods: tuple[str, ...],
    seed: int,
    with_lines: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Judge a sample of a project's links: did this session write this commit, or a part of it?

    The sample has some pairs of each band of confidence and each method; the verdict on them is not shown. Each answer
    is saved at once; the same command goes on where it was left. yes, no, another (session wrote it), don't know, skip
    (asks again next time), quit, or their first letters.

    \b
    Example:
      python -m ingest label my-project --by Ada
    """
    data = DataDir.from_environment()
    chosen = {"label_set": label_set, "sizes": dict(sizes), "methods": methods, "seed": seed, "with_lines": with_lines}
    if as_json:
        print_json(asdict(take_sample(data, project_id, **chosen)))
        return
    if dry_run:
        show_sample(take_sample(data, project_id, **chosen))
        return
    sample = take_sample(data, project_id, **chosen)
    labelled_by = labeller(data, given_name)
    answers: Counter[str] = Counter()
    show_sample(sample)
    with labels_held(data, project_id):
        try:
            ask_questions(sample, _typed, labelled_by=labelled_by, answers=answers)
        except KeyboardInterrupt:
            click.echo()  # the terminal stands behind the prompt
            raise
        finally:
            show_answers(sample, answers)


def _typed(prompt: str) -> str | None:
    """What is typed after a prompt; None at the end of the input."""
    click.echo(prompt, nl=False)
    try:
        line = sys.stdin.readline()
    except UnicodeDecodeError:
        return "?"
    if not line:
        click.echo()
        return None
    return line.strip()


@click.command("low-confidence")
@click.option("--from", "lowest", metavar="SHARE", type=float, default=LOWEST, show_default=True, help="From this on.")
@click.option("--to", "highest", metavar="SHARE", type=float, default=HIGHEST, show_default=True, help="Below this.")
@as_json_option
def low_confidence_command(lowest: float, highest: float, as_json: bool) -> None:
    """Write the links that are most in doubt to validation/low_confidence.jsonl, with their evidence.

    One JSON line per link of any project whose confidence lies between the two, in the place of those of last time.

    \b
    Example:
      python -m ingest low-confidence --from 0.4 --to 0.8
    """
    done = write_low_confidence(DataDir.from_environment(), lowest=lowest, highest=highest)
    if as_json:
        print_json(asdict(done))
        return
    counts = ", ".join(f"{project_id} {count}" for project_id, count in done.links.items())
    show_line(f"{many(sum(done.links.values()), 'link')} in {done.path}{f': {counts}' if counts else ''}")
    if done.labelled:
        show_line(f"{many(done.labelled, 'link')} of them labelled by people")
