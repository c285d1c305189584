"""What arrives, vanishes or is edited rebuilds its own matches only, and what comes out equals a full refresh."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from tests.rebuilding import mark_units, rebuilt_units, stale_models
from tests.warehouse import WITHOUT_TESTS, Warehouse

pytestmark = pytest.mark.long

AS_FAR_AS_LINKS = (*WITHOUT_TESTS, "--select", "+int_correlations__links")
MATCHES = "int_correlations__line_matches"
OF_A_PART = {
    "commits": "commit_sha = '{commit}'",
    "commit_files": "commit_sha = '{commit}'",
    "session_lines": "file_id in (select file_id from raw.session_files where starts_with(session_id, '{session}'))",
    "session_files": "starts_with(session_id, '{session}')",
}


def copy_of(sample_warehouse: Warehouse, directory: Path) -> Warehouse:
    """The built sample, to change freely."""
    warehouse = Warehouse.make(directory)
    shutil.copytree(sample_warehouse.data, warehouse.data, dirs_exist_ok=True)
    return warehouse


def change(warehouse: Warehouse, *statements: str) -> None:
    """Change what was landed."""
    with duckdb.connect(str(warehouse.database)) as connection:
        for statement in statements:
            connection.execute(statement)


def next_night(warehouse: Warehouse) -> tuple[dict[str, set[str]], set[str]]:
    """Build as far as the links; the sessions and commits that each model built, and the projects that any built."""
    mark_units(warehouse)
    warehouse.build(*AS_FAR_AS_LINKS)
    assert stale_models(warehouse) == {}, "what was kept must be what a full refresh gives"
    built = rebuilt_units(warehouse)
    projects = {unit for (unit,) in warehouse.query("select project_id from raw.projects")}
    of_projects = set().union(*(units & projects for units in built.values()))
    return {model: units - projects for model, units in built.items() if units - projects}, of_projects


def test_a_late_session_and_a_commit_build_nothing_but_themselves(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = copy_of(sample_warehouse, tmp_path)
    # the session with the oldest lines of those that no other one continues, and the commit with the most
    [(session,)] = warehouse.query(f"""
        select min_by(root_session_id, written_at) from intermediate.{MATCHES}
        where root_session_id not in (
            select one.root_session_id
            from staging.stg_claude_code__records as one
            inner join staging.stg_claude_code__records as other using (uuid)
            where one.root_session_id != other.root_session_id
        )
    """)
    [(commit,)] = warehouse.query(
        f"select commit_sha from intermediate.{MATCHES} group by commit_sha order by count(*) desc, commit_sha limit 1"
    )
    parts = {table: where.format(session=session, commit=commit) for table, where in OF_A_PART.items()}
    change(
        warehouse,
        "create schema held",
        *(f"create table held.{table} as from raw.{table} where {where}" for table, where in parts.items()),
        *(f"delete from raw.{table} where {where}" for table, where in parts.items()),
    )

    built, _ = next_night(warehouse)
    assert built == {}, "what vanishes must not rebuild what stays"
    assert warehouse.query(
        f"select count(*) from intermediate.{MATCHES} where root_session_id = '{session}' or commit_sha = '{commit}'"
    ) == [(0,)]

    change(warehouse, *(f"insert into raw.{table} from held.{table}" for table in parts), "drop schema held cascade")
    built, _ = next_night(warehouse)
    commit_id = f"tidebook/{commit}"
    assert built.pop(MATCHES) == {session, commit_id}
    assert built.pop("int_commits__line_changes") == {commit_id}
    assert set(map(frozenset, built.values())) == {frozenset({session})}
    assert "int_tool_calls__line_changes" in built
    assert warehouse.contents() == sample_warehouse.contents()


def test_a_line_becomes_common_and_weights_are_edited(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = copy_of(sample_warehouse, tmp_path)
    settings = warehouse.project / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    assert "common_line_families: 20\n" in text
    settings.write_text(text.replace("common_line_families: 20\n", "common_line_families: 1\n"), encoding="utf-8")
    weights = warehouse.project / "seeds/correlation/evidence_weights.csv"
    header, *rows = weights.read_text(encoding="utf-8").splitlines()
    column = header.split(",").index("weight")
    edited = [",".join("0.5" if i == column else cell for i, cell in enumerate(row.split(","))) for row in rows]
    weights.write_text("\n".join([header, *edited]) + "\n", encoding="utf-8")
    scores = "select commit_sha, root_session_id, score from intermediate.int_correlations__links order by all"
    matches = f"select count(*) from intermediate.{MATCHES}"

    built, _ = next_night(warehouse)
    assert warehouse.query(scores) != sample_warehouse.query(scores), "edited weights must reach the scores"
    assert warehouse.query(matches) < sample_warehouse.query(matches), "more lines are common now"
    # the limit of common lines is part of the logic, of this model only
    assert set(built) == {MATCHES}

    [(line, commits)] = warehouse.query(
        f"select line_hash, list(distinct commit_id order by commit_id) from intermediate.{MATCHES} "
        "where side = 'added' group by line_hash order by line_hash limit 1"
    )
    another = "f" * 40
    change(
        warehouse,
        f"""insert into raw.commits by name
            select * replace (
                '{another}' as commit_sha, 'Say the same again' as message, [] as parents,
                '2026-10-01T10:00:00Z' as authored_at, '2026-10-01T10:00:00Z' as committed_at
            )
            from raw.commits where commit_sha = '{commits[0].split("/")[1]}'""",
        f"""insert into raw.commit_files by name
            select * replace (
                '{another}' as commit_sha, 1 as file_index, ['{line}'] as added_line_hashes, [] as removed_line_hashes
            )
            from raw.commit_files where commit_sha = '{commits[0].split("/")[1]}' limit 1""",
    )
    built, _ = next_night(warehouse)
    assert built == {MATCHES: {f"tidebook/{another}", *commits}, "int_commits__line_changes": {f"tidebook/{another}"}}
    assert warehouse.query(f"{matches} where line_hash = '{line}'") == [(0,)]


def test_the_same_history_in_a_second_project_has_no_links(sample_warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse = copy_of(sample_warehouse, tmp_path)
    sessions = "select * from intermediate.int_sessions__states order by all"
    links = "select * from intermediate.int_correlations__links where project_id = 'tidebook' order by all"
    history = tmp_path / "git-metadata.json"
    shutil.copy2(warehouse.data / "processed/tidebook/git-metadata.json", history)
    # a directory of sessions belongs to one project; the second one has the commits only
    warehouse.ingest("add-project", "--name", "Again", "--id", "again", "--git-metadata", str(history))
    warehouse.ingest("sync")

    built, projects = next_night(warehouse)
    assert projects == {"again"}
    assert set(built) == {MATCHES, "int_commits__line_changes"}
    assert {unit.split("/")[0] for units in built.values() for unit in units} == {"again"}
    [(commits,)] = sample_warehouse.query("select count(*) from commits")
    assert warehouse.query("select count(distinct project_id), count(*) from staging.stg_git__commits") == [
        (2, 2 * commits)
    ]
    assert warehouse.query(sessions) == sample_warehouse.query(sessions)
    assert warehouse.query(links) == sample_warehouse.query(links)
    assert warehouse.query("select count(*) from intermediate.int_correlations__links where project_id = 'again'") == [
        (0,)
    ]
