"""Puts the page together: answers and pictures into the templates, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from ingest import __version__
from ingest.operations.quality import shown
from ingest.report import charts
from ingest.report.questions import PUBLISHED, Answers, Row
from ingest.report.words import FILTERS, day, interval
from ingest.settings import setting

TEMPLATES = Path(__file__).parent / "templates"
OBJECTIONS = frozenset({"correct", "redirect", "block"})


@dataclass(frozen=True)
class Section:
    """A section of the page: its template is `sections/<id>.html.j2`, and it shows the SQL of `queries`."""

    id: str
    title: str
    queries: tuple[str, ...]


SECTIONS = (
    Section("activity", "Activity", ("totals", "activity", "hours")),
    Section("cost", "Tokens and cost", ("cost", "cost_by_model", "cost_by_project")),
    Section("tools", "Tools and errors", ("tools", "tool_errors")),
    Section("sessions", "Sessions and commits", ("sessions",)),
    Section("links", "Links and how far to trust them", ("linked", "link_quality", "links")),
    Section("lines", "Lines written by agents", ("lines", "lines_by_project")),
    Section("reactions", "How people took it", ("reactions", "objections", "objected")),
    Section("rework", "Rework", ("rework", "rework_files")),
    Section(
        "quality",
        "Quality and freshness of the data",
        ("gate_totals", "gates", "completeness", "drift", "freshness", "published"),
    ),
)
# Why a commit has no session, by `commits.unlinked_reason`.
REASONS = {
    "linked": "a session wrote it",
    "low_confidence": "no candidate is sure enough",
    "no_content": "nothing but time, words, person or branch",
    "no_candidate": "no session was at work before it",
    "merge": "merges are never linked",
    "bot": "bots are never linked",
    "revert": "takes another commit back",
    "empty": "changes no line",
    "gate": "the links of the project are not precise enough",
}


def render(answers: Answers, source: str, made_at: datetime) -> str:
    """The whole page. `source` is the name of the database, `made_at` the local time."""
    context: dict[str, Any] = {
        "answers": answers,
        "few": int(setting("report_few")),
        "interval": interval,
        "line_key": [pair for column, pair in charts.LINES.items() if _any(answers["lines"].rows, column)],
        "made_at": made_at,
        "many_projects": answers["completeness"].total > 1,
        "model_key": _model_key(answers["cost"].rows),
        "objected": _objected(answers["reactions"].rows),
        "pictures": _pictures(answers),
        "reaction_key": _reaction_key(answers["reactions"].rows),
        "reasons": REASONS,
        "sections": SECTIONS,
        "series": charts.series,
        "shown": shown,
        "source": source,
        "span": _span(answers),
        "state": _state(answers),
        "style": (TEMPLATES / "style.css").read_text(encoding="utf-8"),
        "title": _title(answers),
        "version": __version__,
    }
    return _environment().get_template("page.html.j2").render(context)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment


def _pictures(answers: Answers) -> dict[str, Any]:
    most = int(setting("report_shares"))
    return {
        "activity": charts.activity(answers),
        "hours": charts.hours(answers),
        "cost": charts.cost(answers),
        "tool_errors": charts.tool_errors(answers["tools"], most),
        "lines": charts.lines(answers),
        "reactions": charts.reactions(answers),
        "objections": charts.objections(answers["objections"], most),
    }


def _title(answers: Answers) -> str:
    names = [row["name"] for row in answers["completeness"].rows]
    total = answers["completeness"].total
    if not names:
        return "No project yet"
    return f"{total} projects" if total > 3 else ", ".join(names)


def _span(answers: Answers) -> str:
    first, last = answers["totals"].row["first_at"], answers["totals"].row["last_at"]
    scope = answers.scope
    asked = ""
    if scope.since or scope.until:
        since, until = scope.since and day(scope.since), scope.until and day(scope.until)
        asked = f" Asked for: {since or 'the beginning'} to {until or 'now'}."
    if not answers.first or not answers.last:
        return f"No session and no commit of these days is in the warehouse.{asked}"
    span = day(answers.first) if answers.first == answers.last else f"{day(answers.first)} – {day(answers.last)}"
    return f"{span}, local days in {answers.timezone}.{asked}" if first or last else f"Only commits, {span}.{asked}"


def _state(answers: Answers) -> str:
    """Which state of the warehouse the numbers are of."""
    if PUBLISHED in answers.by_name:
        row = answers[PUBLISHED].row
        read, built, end = row["synced_at"], row["built_at"], f" and published {_utc(row['published_at'])}."
    else:
        steps = {row["name"]: row["last_good_at"] for row in answers["freshness"].rows}
        read, built, end = steps.get("read and landed"), steps.get("built"), "; nothing is published yet."
    return f"What was read until {_utc(read)}, built {_utc(built)}{end}"


def _utc(moment: datetime | None) -> str:
    return "at an unknown time" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _any(rows: Sequence[Row], column: str) -> bool:
    return any(row[column] for row in rows)


def _model_key(rows: Sequence[Row]) -> list[tuple[str, str]]:
    named = {row["model_rank"]: row["model"] or "no model" for row in rows if row["cost_usd"] is not None}
    return [(name, charts.series(rank)) for rank, name in sorted(named.items())]


def _reaction_key(rows: Sequence[Row]) -> list[tuple[str, str]]:
    seen = {row["reaction"] for row in rows}
    return [(name, colour) for name, colour in charts.REACTIONS.items() if name in seen]


def _objected(rows: Sequence[Row]) -> dict[str, int]:
    def turns(reactions: frozenset[str] | set[str]) -> int:
        return sum(row["turns"] for row in rows if row["reaction"] in reactions)

    known = {row["reaction"] for row in rows} - {"unknown"}
    return {"objected": turns(OBJECTIONS), "known": turns(known), "unknown": turns({"unknown"})}
