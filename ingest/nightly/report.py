"""A night for people: what each step did and took, and what they have to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.terminal import many, number, show_heading, show_line, show_table, size

if TYPE_CHECKING:
    from ingest.nightly.night import Night

SHOWN_SENTENCES = 8
_VERDICTS = {
    "ok": ("marts.db is up to date", "green"),
    "failed": ("something failed; what was finished is kept, and the next run goes on from there", "red"),
    "withheld": ("marts.db stays as it was: a quality gate speaks against this build", "yellow"),
}


def show_night(night: Night) -> None:
    """Print the steps of a night with what they did, then its sentences, then the verdict."""
    if night.resumed:
        show_line(f"The command before was killed ({night.resumed}); this run goes on from there.", "yellow")
    rows = [
        (record["step"], record["project_id"] or "", f"{record['seconds']:.1f} s", _what(record))
        for record in night.document["steps"]
        if record["step"] != "nightly"
    ]
    show_heading(f"Run {night.run_id}")
    show_table(("step", "project", "took", "what"), rows, right=("took",))
    for title, sentences, style in (
        ("failed", night.failures, "red"),
        ("withheld", night.withheld, "yellow"),
        ("warning", night.warnings, "yellow"),
    ):
        for sentence in sentences[:SHOWN_SENTENCES]:
            show_line(f"{title}: {sentence}", style)
        if len(sentences) > SHOWN_SENTENCES:
            show_line(f"{title}: {len(sentences) - SHOWN_SENTENCES} more in {night.outputs}", style)
    if night.built and night.built.warned_tests:
        show_line(f"warning: dbt warned of {', '.join(night.built.warned_tests)}: see audit.<name>", "yellow")
    verdict, style = _VERDICTS[night.status]
    show_line(f"{night.status}: {verdict} ({night.document['seconds']:.0f} s; {night.outputs})", style)


def _what(record: dict[str, Any]) -> str:
    """What a step did, out of its counts."""
    counts = record["counts"] or {}
    if record["status"] != "ok":
        return "failed"
    if record["step"] == "archive":
        return f"{many(counts['seen'], 'file')}, {number(counts['new'])} new, {number(counts['grown'])} grown"
    if record["step"] == "git":
        return f"{many(counts['commits'], 'commit')}, {number(counts['new_commits'])} new"
    if record["step"] == "land":
        return f"{many(counts['lines'], 'line')} of {many(counts['files'], 'file')}"
    if record["step"] == "build":
        bad = [f"{number(counts[key])} {key}" for key in ("broken", "failed", "skipped", "warned") if counts.get(key)]
        good = [many(counts.get(kind, 0), kind.removesuffix("s")) for kind in ("models", "seeds", "tests")]
        return ", ".join([*good, *bad])
    if record["step"] == "publish":
        return f"{many(counts['tables'], 'table')}, {many(counts['rows'], 'row')}, {size(record['bytes'] or 0)}"
    if record["step"] == "quality":
        return f"score {counts['score']} of 100, {number(counts['failed'])} failed, {number(counts['warned'])} warned"
    if record["step"] == "compact":
        return f"ope.db {size(counts['bytes_before'])} → {size(counts['bytes_after'])}"
    return ", ".join(f"{number(count)} {name}" for name, count in counts.items() if count) or "nothing to do"
