"""Asks the marts: each file of `queries/` is one question, and its answer keeps the SQL that gave it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from ingest.database import literal
from ingest.errors import IngestError
from ingest.paths import PRODUCT_ROOT
from ingest.report.scope import MARTS, Scope, grain_of
from ingest.settings import setting

QUERIES = Path(__file__).parent / "queries"
DEFINITIONS = "definitions"
# Of a published file only.
PUBLISHED = "published"
_NAME = re.compile(r"create or replace temp (?:macro|view) (\w+)")

Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """The first rows of an answer, how many there are in all, and the SQL that gives all of them as it stands."""

    name: str
    rows: list[Row]
    total: int
    sql: str

    @property
    def more(self) -> int:
        return self.total - len(self.rows)

    @property
    def row(self) -> Row:
        """The row of a question that has exactly one."""
        return self.rows[0]


@dataclass(frozen=True)
class Answers:
    """All answers by name; `grain` and the local days `first` and `last` are those of the time axes (None: no days)."""

    scope: Scope
    timezone: str
    grain: str
    first: date | None
    last: date | None
    by_name: dict[str, Answer] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Answer:
        return self.by_name[name]


def ask_all(connection: duckdb.DuckDBPyConnection, scope: Scope, rows: int) -> Answers:
    """Answers to every file of `queries/`, of each no more than `rows` rows where it is a list.

    Raises IngestError where the marts are missing or of an earlier version, and for a project that is not there.
    """
    try:
        return _ask_all(connection, scope, rows)
    except duckdb.CatalogException as error:
        raise IngestError(
            f"The warehouse has no marts to report on yet ({_first_line(error)}): run `make build`, then try again."
        ) from error
    except duckdb.BinderException as error:
        raise IngestError(
            f"The marts are those of another version ({_first_line(error)}): run `make build`, then try again."
        ) from error


def _ask_all(connection: duckdb.DuckDBPyConnection, scope: Scope, rows: int) -> Answers:
    known = {project for (project,) in connection.execute("select project_id from main.projects").fetchall()}
    for project in scope.projects:
        if project not in known:
            there = ", ".join(sorted(known)) or "none"
            raise IngestError(f"There is no project {project!r} in the warehouse: name one of its projects ({there}).")
    timezone = str(setting("report_timezone"))
    catalog = connection.execute("select current_database()").fetchall()[0][0]
    # The span of the days decides on the grain, which the definitions need: it is asked with any.
    definitions = _definitions(scope, timezone, "day", catalog)
    connection.execute(";\n".join(definitions.values()))
    first, last = _span(connection)
    grain = grain_of(first, last, int(setting("report_bars"))) if first and last else "day"
    definitions = _definitions(scope, timezone, grain, catalog)
    connection.execute(";\n".join(definitions.values()))
    answers = Answers(scope, timezone, grain, first, last)
    has_state = bool(connection.execute("select 1 from duckdb_tables() where table_name = 'publish_state'").fetchall())
    for name in question_names():
        if name == PUBLISHED and not has_state:
            continue
        limit = rows if name in LISTS else None
        answers.by_name[name] = _ask(connection, name, definitions, limit)
    return answers


# What can have any number of rows; the others are as short as a taxonomy or a time axis.
LISTS = frozenset(
    {
        *("sessions", "links", "objected", "rework_files", "drift", "gates", "completeness", "link_quality"),
        *("tools", "tool_errors", "cost_by_model", "cost_by_project", "lines_by_project"),
    }
)


@cache
def question_names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in QUERIES.glob("*.sql") if path.stem != DEFINITIONS))


def question(name: str) -> str:
    """The SQL of a question without what it shares with others."""
    return (QUERIES / f"{name}.sql").read_text(encoding="utf-8").strip()


def _ask(connection: duckdb.DuckDBPyConnection, name: str, definitions: dict[str, str], limit: int | None) -> Answer:
    sql = question(name)
    # A table keeps the order of its rows, and can be counted and cut without asking twice.
    connection.execute(f"create or replace temp table report_answer as\n{sql}")
    total = connection.execute("select count(*) from report_answer").fetchall()[0][0]
    cut = "" if limit is None else f" limit {limit:d}"
    found = connection.execute(f"select * from report_answer{cut}")
    columns = [column[0] for column in found.description or []]
    rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
    return Answer(name, rows, total, shown_sql(sql, definitions))


def shown_sql(sql: str, definitions: dict[str, str]) -> str:
    """The question with the definitions that it uses before it: it runs in DuckDB's shell as it stands."""
    used = [text + ";\n\n" for name, text in definitions.items() if re.search(rf"\b{name}\b", sql)]
    return "".join(used) + sql + ";\n"


def _definitions(scope: Scope, timezone: str, grain: str, catalog: str) -> dict[str, str]:
    """Statements by the name that they define."""
    text = _template().render(
        timezone=literal(timezone),
        grain=literal(grain),
        series=int(setting("report_series")),
        catalog=catalog,
        scoped={} if scope.is_all else MARTS,
        conditions=lambda moment: scope.condition(moment, timezone),
    )
    statements = [statement.strip() for statement in text.split(";\n") if statement.strip()]
    return {_NAME.search(statement)[1]: _without_comments(statement) for statement in statements}  # type: ignore[index]


@cache
def _template() -> jinja2.Template:
    macros = (PRODUCT_ROOT / "macros" / "reactions.sql").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({"reactions": macros}),
        autoescape=False,  # noqa: S701  # SQL, not HTML
        undefined=jinja2.StrictUndefined,
    )
    source = (QUERIES / f"{DEFINITIONS}.sql").read_text(encoding="utf-8")
    # the interval is that of the marts
    return environment.from_string("{% from 'reactions' import wilson_bound %}" + source)


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()


def _span(connection: duckdb.DuckDBPyConnection) -> tuple[date | None, date | None]:
    """The first and last local day with work; with commits where there is no session."""
    for mart, column in (("turns", "started_at"), ("commits", "authored_at")):
        days = f"min(local_time({column}))::date, max(local_time({column}))::date"
        first, last = connection.execute(f"select {days} from {mart}").fetchall()[0]
        if first:
            return first, last
    return None, None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
