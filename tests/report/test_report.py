"""The report says what the marts say, shows the SQL that said it, and says why where there is nothing."""

from __future__ import annotations

import re
import shutil
import stat
import webbrowser
from datetime import date
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from ingest.cli import main
from ingest.database import opened
from ingest.errors import IngestError
from ingest.paths import DataDir
from ingest.report import Scope, questions, write_report
from ingest.report.page import SECTIONS
from ingest.report.questions import Answers, ask_all, question_names
from ingest.report.scope import end_of, grain_of, periods
from ingest.settings import setting
from tests.report.conftest import Place
from tests.report.reading import Page, read_page
from tests.warehouse import Warehouse

HOSTILE = "</title></script><script>document.title = 'run'</script><img src=x onerror=\"run()\"> & \\1 'quoted'"


def asked(database: Path, scope: Scope = Scope(), rows: int = 1000) -> Answers:  # noqa: B008  # frozen
    with duckdb.connect(str(database), read_only=True) as connection:
        return ask_all(connection, scope, rows)


# What the page says


def test_the_figures_are_those_of_the_marts(sample_warehouse: Warehouse, sample_page: Page) -> None:
    [(sessions, turns, calls, commits)] = sample_warehouse.query(
        "select (select count(*) from sessions where not is_subagent), "
        "(select count(*) from turns where turn_index > 0), (select count(*) from tool_calls), "
        "(select count(*) from commits)"
    )
    figures = sample_page.figures
    assert (figures["Sessions"], figures["Turns"]) == (f"{sessions:,}", f"{turns:,}")
    assert (figures["Tool calls"], figures["Commits"]) == (f"{calls:,}", f"{commits:,}")
    [(usd, is_final, share)] = sample_warehouse.query(
        "select sum(cost_usd), bool_and(is_final), (select sum(agent_lines) / sum(added_lines) from agent_line_shares) "
        "from token_usage"
    )
    assert figures["Cost at list prices"] == ("" if is_final else "≥ ") + f"${usd:,.2f}"
    assert figures["Lines by agents"] == f"{100 * share:.0f} %"


def test_the_tables_are_those_of_the_marts(sample_warehouse: Warehouse, sample_page: Page) -> None:
    models = sample_warehouse.query(
        "select model, count(*), bool_and(is_final), sum(cost_usd) from token_usage "
        "group by 1 order by 4 desc nulls last"
    )
    shown = [(row[0], row[1], row[-1]) for row in sample_page.tables["By model"][1:]]
    assert shown == [
        (model, f"{n:,}", "no price" if usd is None else ("" if final else "≥ ") + f"${usd:,.2f}")
        for model, n, final, usd in models
    ]
    tools = sample_warehouse.query(
        "select tool_name, count(*), count(*) filter (where is_error) from tool_calls group by 1"
    )
    rows = sample_page.tables["By tool"][1:]
    assert {(row[0], row[1], row[2]) for row in rows} <= {(name, f"{n:,}", f"{bad:,}") for name, n, bad in tools}
    assert len(rows) == min(len(tools), setting("report_rows"))
    reasons = sample_warehouse.query("select coalesce(unlinked_reason, 'linked'), count(*) from commits group by 1")
    became = {row[0]: row[1] for row in sample_page.tables["What became of the commits"][1:]}
    assert became == {name.replace("_", " "): f"{n:,}" for name, n in reasons}
    gates = sample_warehouse.query("select state, count(*) from quality_gates group by 1")
    states = [row[1].lstrip("✕▲ ") for row in sample_page.tables["Quality gates"][1:]]
    assert {state: states.count(state) for state in states} == dict(gates)


@pytest.mark.usefixtures("undrawn")
def test_a_share_stands_with_its_interval_and_a_sum_of_placeholders_is_a_lower_bound(copy: Place) -> None:
    copy.change(
        "delete from tool_calls where tool_name != 'Bash'",
        "update tool_calls set is_error = false",
        "delete from tool_calls where rowid not in (select rowid from tool_calls order by rowid limit 10)",
        "update tool_calls set is_error = true where rowid = (select min(rowid) from tool_calls)",
        "update token_usage set is_final = true",
    )
    page = copy.report()
    assert page.tables["By tool"][1][:5] == ["Bash", "10", "1", "10 %", "2–40 %"]
    assert not page.figures["Tokens"].startswith("≥")
    copy.change(
        "update token_usage set is_final = false where rowid = (select min(rowid) from token_usage)",
        "update token_usage set cost_usd = null, is_priced = false",
    )
    page = copy.report()
    assert page.figures["Tokens"].startswith("≥ ")
    assert page.figures["Cost at list prices"] == "≥ –"
    assert {row[-1] for row in page.tables["By model"][1:]} == {"no price"}
    assert any("no cost over time" in text for text in page.empty)


@pytest.mark.usefixtures("undrawn")
def test_a_measured_precision_has_its_interval_and_its_n_and_an_estimate_is_none(copy: Place) -> None:
    page = copy.report()
    assert "not measured (estimate" in page.tables["How often a link is right"][1][3]
    copy.change(
        "update correlation_quality set label_set = 'people', basis = 'measured', pairs = 50, right_pairs = 45, "
        "precision = 0.9, precision_low = 0.786398, precision_high = 0.956524, named_commits = 60, recall = 0.75, "
        "recall_low = 0.627697, recall_high = 0.842155"
    )
    row = copy.report().tables["How often a link is right"][1]
    assert row[1:5] == ["people", "50", "90 % (79–96 %, n = 50)", "75 % (63–84 %, n = 60)"]


@pytest.mark.usefixtures("undrawn")
def test_a_long_list_is_cut_and_says_where_the_rest_is(copy: Place) -> None:
    copies = 1500
    copy.change(
        "insert into sessions select sessions.* replace (session_id || n as session_id) "
        f"from sessions, range(1, {copies}) as r(n)",
        "insert into commits select commits.* replace (commit_sha || n as commit_sha) "
        f"from commits, range(1, {copies}) as r(n)",
    )
    page = copy.report()
    with duckdb.connect(str(copy.data.database), read_only=True) as connection:
        sessions = connection.execute("select count(*) from sessions where not is_subagent").fetchall()[0][0]
    assert page.figures["Sessions"] == f"{sessions:,}" and sessions > copies
    more = sessions - setting("report_rows")
    assert f"and {more:,} sessions more: query <code>sessions</code>" in page.text
    assert len(page.text) < 500_000


# The SQL that it shows


def test_every_section_shows_its_sql_and_no_query_is_left_over(sample_page: Page) -> None:
    shown = [name for section in SECTIONS for name in section.queries]
    assert sorted(shown) == sorted(question_names())
    assert set(shown) - {"published"} == set(sample_page.sql) - {"published"}


def test_the_shown_sql_runs_as_it_stands_and_says_the_same(sample_warehouse: Warehouse) -> None:
    scope = Scope(("tidebook",), date(2026, 1, 8), date(2026, 6, 20))
    answers = asked(sample_warehouse.database, scope)
    for name, answer in answers.by_name.items():
        with duckdb.connect(str(sample_warehouse.database), read_only=True) as connection:
            *definitions, query, _ = [part.strip() for part in answer.sql.split(";\n")]
            for definition in definitions:
                connection.execute(definition)
            rows = connection.execute(query).fetchall()
        assert [tuple(row.values()) for row in answer.rows] == rows, name
        assert answer.more == 0


# What it is about


def test_days_are_local_and_inclusive(sample_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "question_names", lambda: ("totals", "hours"))

    def turns(scope: Scope) -> int:
        return asked(sample_warehouse.database, scope).by_name["totals"].row["turns"]

    [(moment,)] = sample_warehouse.query("select min(started_at) from turns where turn_index > 0")
    first, day_before = moment.date(), date.fromordinal(moment.toordinal() - 1)
    assert turns(Scope(until=first)) > 0 == turns(Scope(until=day_before))
    [(timed,)] = sample_warehouse.query("select count(started_at) from turns where turn_index > 0")
    assert turns(Scope(since=first)) == timed
    # where the sun rises twelve hours later, it was the day before
    zones = {"report_timezone": "Etc/GMT+12"}
    monkeypatch.setattr(questions, "setting", lambda name: zones.get(name, setting(name)))
    assert turns(Scope(until=day_before)) > 0
    answers = asked(sample_warehouse.database)
    assert answers.first == day_before
    hours = {row["hour"] for row in answers["hours"].rows if row["weekday"] == day_before.isoweekday()}
    assert (moment.hour - 12) % 24 in hours


def test_a_project_and_its_days_narrow_every_answer(sample_warehouse: Warehouse) -> None:
    nothing = asked(sample_warehouse.database, Scope(since=date(2030, 1, 1)))
    kept = {
        "completeness",
        "link_quality",
        "gates",
        "gate_totals",
        "drift",
        "freshness",
        "published",
        "totals",
        "rework",
    }
    assert {name for name, answer in nothing.by_name.items() if answer.rows} <= kept
    assert nothing["totals"].row["sessions"] == nothing["totals"].row["tokens"] == 0
    with pytest.raises(IngestError, match=r"no project 'other' .*\(tidebook\)"):
        asked(sample_warehouse.database, Scope(("other",)))


def test_days_that_are_none_are_refused() -> None:
    assert Scope.parse(["a", "a"], "2026-01-01", None) == Scope(("a",), date(2026, 1, 1))
    with pytest.raises(IngestError, match="'yesterday' is not a day: write --until as YYYY-MM-DD"):
        Scope.parse(until="yesterday")
    with pytest.raises(IngestError, match="exchange them"):
        Scope.parse(since="2026-02-01", until="2026-01-01")


@pytest.mark.parametrize(
    ("first", "last", "grain"),
    [
        ((2026, 1, 1), (2026, 2, 28), "day"),
        ((2026, 1, 1), (2026, 12, 31), "week"),
        ((2024, 2, 29), (2026, 12, 31), "month"),
        ((2015, 11, 30), (2026, 2, 1), "quarter"),
        ((1970, 1, 1), (2026, 12, 31), "year"),
    ],
)
def test_no_time_axis_has_too_many_bars(first: tuple[int, int, int], last: tuple[int, int, int], grain: str) -> None:
    begin, end = date(*first), date(*last)
    assert grain_of(begin, end, 62) == grain
    found = periods(begin, end, grain)
    assert found[0] <= begin < end_of(found[0], grain) and found[-1] <= end < end_of(found[-1], grain)
    assert [end_of(day, grain) for day in found[:-1]] == found[1:]
    with duckdb.connect() as connection:
        [(truncated,)] = connection.execute("select date_trunc(?, ?::date)::date", [grain, end]).fetchall()
    assert truncated == found[-1]


@pytest.mark.usefixtures("undrawn")
def test_what_is_published_comes_first_and_an_older_state_is_named(copy: Place) -> None:
    shutil.copy2(copy.data.database, copy.data.published)
    with duckdb.connect(str(copy.data.database), read_only=True) as connection:
        log = connection.execute("select * from update_log").to_arrow_table()  # a view, which is published as a table
    with duckdb.connect(str(copy.data.published)) as connection:
        connection.register("log", log)
        connection.execute("drop view update_log; create table update_log as from log")
        connection.execute(
            "create table publish_state as select timestamp '2020-01-03' as published_at, timestamp '2020-01-02' as "
            "built_at, timestamp '2020-01-01 12:34' as synced_at, '0' as ope_version, 'r' as run_id"
        )
    environment = {"OPE_DATA_DIR": str(copy.data.root), "NO_COLOR": "1"}
    printed = CliRunner(env=environment).invoke(main, ["report"]).output
    assert "from marts.db" in printed and "`python -m ingest publish` brings it up to date" in printed
    page = read_page(copy.data.outputs / "report.html")
    assert "What was read until 2020-01-01 12:34 UTC, built 2020-01-02 00:00 UTC and published" in page.text
    assert "published" in page.sql
    # a project that is not published yet
    copy.change("update projects set project_id = 'young'")
    assert write_report(copy.data, Scope(("young",))).source == "ope.db"


# Nothing, and worse


def test_an_empty_warehouse_says_why_there_is_nothing(copy: Place) -> None:
    with duckdb.connect(str(copy.data.database)) as connection:
        marts = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
    copy.change(*(f"delete from main.{mart}" for (mart,) in marts))
    page = copy.report()
    assert not page.wrong
    assert page.figures["Sessions"] == "0" and page.figures["Cost at list prices"] == "–"
    assert len(page.empty) == len(SECTIONS)
    assert not page.names() & {"svg", "figure"}


def test_without_a_database_or_marts_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    with pytest.raises(IngestError, match="There is no database"):
        write_report(data, Scope())
    with opened(data):
        pass
    with pytest.raises(IngestError, match=r"no marts to report on yet.*make build"):
        write_report(data, Scope())
    assert not data.outputs.exists()


def test_foreign_words_are_words(copy: Place) -> None:
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    copy.change(
        f"update projects set name = {quoted}",
        f"update sessions set title = {quoted}, main_model = {quoted}, completeness = {quoted}",
        f"update commits set subject = {quoted}, unlinked_reason = {quoted}",
        f"update token_usage set model = {quoted}",
        f"update tool_calls set tool_name = {quoted}, error_kind = {quoted}, file_path = {quoted}",
        f"update file_touches set relative_path = {quoted}",
        f"update episodes set action_id = {quoted}, main_model = {quoted}",
        f"update episodes set user_reaction = json_object('message', {quoted})",
        f"update correlation_evidence set detail = {quoted}",
        f"update quality_gates set example = {quoted}, description = {quoted}",
    )
    page = copy.report()
    assert not page.names() & {"script", "img"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not page.wrong
    assert "&lt;script&gt;" in page.text and page.tables["By tool"][1][0].startswith("</title></script><script>")


# The file


def test_the_page_is_private_whole_and_stands_alone(sample_page: Page) -> None:
    assert stat.S_IMODE(sample_page.path.stat().st_mode) == 0o600
    assert not sample_page.wrong
    assert not sample_page.names() & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    addresses = [
        value
        for _, attributes in sample_page.elements
        for name, value in attributes.items()
        if name in ("href", "src", "action", "xlink:href", "poster", "data")
    ]
    assert addresses and all(str(address).startswith("#") for address in addresses)
    assert not re.search(r"url\(|@import|https?://", sample_page.text.split("<body>")[0])
    policy = next(a["content"] for tag, a in sample_page.elements if tag == "meta" and "http-equiv" in a)
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline'")


@pytest.mark.usefixtures("undrawn")
def test_the_command_says_where_it_is(copy: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened_pages.append)
    environment = {"OPE_DATA_DIR": str(copy.data.root), "NO_COLOR": "1"}
    out = tmp_path / "new" / "page.html"
    done = CliRunner(env=environment).invoke(main, ["report", "--since", "2026-06-01", "--out", str(out), "--open"])
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"{out}: ") and "from ope.db" in done.output
    assert opened_pages == [out.as_uri()]
    refused = CliRunner(env=environment).invoke(main, ["report", "--out", str(tmp_path)])
    assert refused.exit_code == 1 and "is a directory: name a file with --out" in refused.output
