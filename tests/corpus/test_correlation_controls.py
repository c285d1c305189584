"""Links that must not be: for bots and merges, before any session, across projects, to sessions of other work."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.warehouse import WITHOUT_TESTS, Warehouse
from tools.hidden_sessions import hide, part_of

HIDDEN_PART = 0
STRANGERS = ("ope", "file-prediction")
AS_FAR_AS_CORRELATIONS = (*WITHOUT_TESTS, "--select", "+correlations")
# The gate takes links back per project: what it took back was linked, and counts here.
LINKED = "(rejection_reason is null or rejection_reason = 'gate')"


@pytest.fixture(scope="module")
def three_projects(
    whole_warehouse: Warehouse, corpus_directory: Path, tmp_path_factory: pytest.TempPathFactory
) -> Warehouse:
    """The corpus without a fifth of its sessions, beside two histories of other repositories."""
    warehouse = Warehouse.make(tmp_path_factory.mktemp("controls"))
    shutil.copytree(whole_warehouse.data, warehouse.data, dirs_exist_ok=True)
    for name in STRANGERS:
        history = corpus_directory.parent / name / "git-metadata.json"
        if not history.is_file():
            pytest.skip(f"no {history}")
        warehouse.ingest("add-project", "--name", name, "--id", name, "--git-metadata", str(history))
    warehouse.ingest("sync")
    sessions = warehouse.query("select count(*) from staging.stg_claude_code__session_roots")[0][0]
    assert sessions / 8 < hide(warehouse.database, HIDDEN_PART) < sessions / 3
    warehouse.build(*AS_FAR_AS_CORRELATIONS)
    return warehouse


def test_bots_and_merges_have_no_accepted_link(three_projects: Warehouse) -> None:
    assert three_projects.query(
        "select count(*) filter (where is_merge) >= 381, count(*) filter (where is_bot) >= 7 "
        "from intermediate.int_commits__link_policies"
    ) == [(True, True)]
    assert (
        three_projects.query(
            f"""
        select links.project_id, links.commit_sha
        from (select * from correlations where {LINKED}) as links
        inner join intermediate.int_commits__link_policies as policies using (project_id, commit_sha)
        where policies.is_merge or policies.is_bot
        """
        )
        == []
    )


def test_no_link_leaves_its_project(three_projects: Warehouse) -> None:
    linked = dict(
        three_projects.query(f"select project_id, count(*) from correlations where {LINKED} group by project_id")
    )
    assert set(linked) == {"entire-cli"}
    assert linked["entire-cli"] > 300, "where the sessions are, there are links"
    assert three_projects.query("select count(distinct project_id) from staging.stg_git__commits") == [(3,)]


def test_no_commit_older_than_every_session_is_linked(three_projects: Warehouse) -> None:
    older = (
        "select project_id, commit_sha from staging.stg_git__commits "
        "where authored_at < (select min(started_at) from intermediate.int_sessions__spans)"
    )
    assert three_projects.query(f"select count(*) > 0 from ({older}) where project_id = 'entire-cli'") == [(True,)]
    assert three_projects.query(
        f"select count(*) from correlations inner join ({older}) using (project_id, commit_sha) where {LINKED}"
    ) == [(0,)]


def test_commits_whose_session_is_hidden_stay_without(three_projects: Warehouse, corpus_directory: Path) -> None:
    with (corpus_directory / "labels.csv").open(encoding="utf-8") as file:
        gold = [row for row in csv.DictReader(file) if row["gold"] == "1"]
    hidden = {row["commit_sha"] for row in gold if part_of(row["session_id"]) == HIDDEN_PART}
    linked = {sha for (sha,) in three_projects.query(f"select distinct commit_sha from correlations where {LINKED}")}
    share = len(hidden & linked) / len(hidden)
    print(f"\n{len(hidden)} commits whose session is hidden: {len(hidden & linked)} linked all the same, {share:.1%}")
    assert len(hidden) > 40
    # `make evaluate` measures all five parts: 16 %; this one is the hardest of them, with 23 %
    assert share <= 0.25


def test_sessions_beside_a_strange_history_have_no_link(three_projects: Warehouse, tmp_path: Path) -> None:
    """The sessions of one repository registered with the commits of others, of partly the same months."""
    warehouse = Warehouse.make(tmp_path)
    shutil.copytree(three_projects.data, warehouse.data, dirs_exist_ok=True)
    with duckdb.connect(str(warehouse.database)) as connection:
        for table in ("commits", "commit_files"):
            connection.execute(f"delete from raw.{table} where project_id = 'entire-cli'")
            connection.execute(f"update raw.{table} set project_id = 'entire-cli'")
    warehouse.build(*AS_FAR_AS_CORRELATIONS)
    [(candidates, linked)] = warehouse.query(f"select count(*), count(*) filter (where {LINKED}) from correlations")
    print(f"\n{candidates} candidates among strange commits")
    assert candidates > 100, "there is something to decide on"
    assert linked == 0
