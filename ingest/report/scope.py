"""What a report is about: projects, local days, and how long the bars of its time axes are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ingest.database import literal
from ingest.errors import IngestError

# The marts that a scope narrows, each with the moment (UTC) that decides on its day; None: by project only.
MARTS: dict[str, str | None] = {
    "projects": None,
    "sessions": "started_at",
    "turns": "started_at",
    "tool_calls": "sent_at",
    "token_usage": "sent_at",
    "episodes": '"timestamp"',
    "file_touches": None,
    "commits": "authored_at",
    "correlations": "authored_at",
    "correlation_evidence": None,
    "correlation_quality": None,
    "agent_line_shares": "month",
    "quality_gates": None,
    "schema_drift": None,
}
GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True)
class Scope:
    """Ids of projects (none: all) and the first and the last local day (None: open)."""

    projects: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    @classmethod
    def parse(cls, projects: Sequence[str] = (), since: str | None = None, until: str | None = None) -> Scope:
        """From the command line. Raises IngestError for what is no day, and where the last is before the first."""
        first, last = _day(since, "--since"), _day(until, "--until")
        if first and last and last < first:
            raise IngestError(f"--until {last} is before --since {first}: exchange them.")
        return cls(tuple(dict.fromkeys(projects)), first, last)

    @property
    def is_all(self) -> bool:
        return self == Scope()

    def condition(self, moment: str | None, timezone: str) -> str:
        """The `where` of a mart, without placeholders, so that it can be shown and run again."""
        parts = []
        if self.projects:
            parts.append(f"project_id in ({', '.join(map(literal, self.projects))})")
        if moment == "month":  # a day already, the first of a local month
            day, since = moment, self.since and self.since.replace(day=1)
        else:
            day, since = f"timezone({literal(timezone)}, timezone('UTC', {moment}))::date", self.since
        if moment and since:
            parts.append(f"{day} >= date '{since}'")
        if moment and self.until:
            parts.append(f"{day} <= date '{self.until}'")
        return "\n    and ".join(parts) or "true"


def grain_of(first: date, last: date, bars: int) -> str:
    """The shortest grain that needs no more than `bars` bars from the first to the last day."""
    for grain in GRAINS[:-1]:
        if len(periods(first, last, grain)) <= bars:
            return grain
    return GRAINS[-1]


def periods(first: date, last: date, grain: str) -> list[date]:
    """The first days of all periods from the one with `first` to the one with `last`."""
    found = [begin_of(first, grain)]
    while (following := end_of(found[-1], grain)) <= last:
        found.append(following)
    return found


def begin_of(day: date, grain: str) -> date:
    """The first day of the period that holds `day`; weeks begin on Monday."""
    if grain == "day":
        return day
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "month":
        return day.replace(day=1)
    if grain == "quarter":
        return day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return day.replace(month=1, day=1)


def end_of(begin: date, grain: str) -> date:
    """The first day after the period that begins on `begin`."""
    if grain in ("day", "week"):
        return begin + timedelta(days=1 if grain == "day" else 7)
    months = {"month": 1, "quarter": 3, "year": 12}[grain]
    return begin_of((begin + timedelta(days=31 * months)), grain)


def _day(text: str | None, option: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as error:
        raise IngestError(f"{text!r} is not a day: write {option} as YYYY-MM-DD.") from error
