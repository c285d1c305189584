"""Links of commits to sessions against labels of the real corpus, by weights that never saw the labelled session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.corpus.conftest import register
from tests.warehouse import WITHOUT_TESTS, Warehouse

LEAST_BEST_PRECISION, LEAST_RECALL, LEAST_PRECISION, MOST_CALIBRATION_ERROR = 0.98, 0.88, 0.97, 0.05


@pytest.fixture(scope="module")
def warehouse(whole_warehouse: Warehouse, corpus_directory: Path, sessions_directory: Path, tmp_path_factory):
    """A copy of the warehouse with the labels of sessions and commits."""
    labelled = Warehouse(whole_warehouse.project, tmp_path_factory.mktemp("linked") / "data")
    shutil.copytree(whole_warehouse.data, labelled.data)
    register(labelled, sessions_directory, corpus_directory)
    labels = str(corpus_directory / "labels.csv")
    labelled.ingest(
        "import-labels", "--project", "entire-cli", "--kind", "session_commit", "--set", "checkpoints", labels
    )
    labelled.build(*WITHOUT_TESTS, "--select", "stg_validation__labels+")
    return labelled


@pytest.fixture(scope="module")
def quality(warehouse: Warehouse) -> dict[str, float]:
    """The row of `correlation_quality` for accepted links, not in sample."""
    columns = "named_commits, best_precision, recall, precision, calibration_error, candidate_pairs, gate, basis"
    [row] = warehouse.query(
        f"select {columns} from correlation_quality "
        "where label_set = 'checkpoints' and cut_kind = 'accepted' and not is_in_sample"
    )
    return dict(zip(columns.split(", "), row, strict=True))


def test_links_are_right(quality: dict[str, float]) -> None:
    assert quality["named_commits"] == 457
    assert quality["best_precision"] >= LEAST_BEST_PRECISION, quality
    assert quality["recall"] >= LEAST_RECALL, quality
    assert quality["precision"] >= LEAST_PRECISION, quality
    assert quality["gate"] == "passed", quality
    assert quality["basis"] == "measured", quality


def test_confidence_is_what_it_says(quality: dict[str, float]) -> None:
    assert quality["candidate_pairs"] > 5000, quality
    assert quality["calibration_error"] <= MOST_CALIBRATION_ERROR, quality


def test_the_better_band_is_the_surer_one(warehouse: Warehouse) -> None:
    bands = warehouse.query(
        "select precision from correlation_quality where cut_kind = 'band' and not is_in_sample "
        "order by from_confidence"
    )
    assert len(bands) == 4
    assert bands == sorted(bands)


def test_the_candidates_hold_the_session(warehouse: Warehouse) -> None:
    """For 98 of 100 labelled commits; what no candidate is cannot be linked, however it is weighed."""
    [[found]] = warehouse.query(
        "select count(*) from intermediate.int_correlations__candidates as candidates "
        "inner join staging.stg_validation__labels as labels "
        "on candidates.commit_sha = labels.commit_sha and candidates.root_session_id = labels.session_id "
        "where labels.label_kind = 'session_commit' and labels.is_sure"
    )
    assert found >= 0.98 * 457


@pytest.mark.parametrize(("reason", "commits"), [("merge", 381), ("bot", 9)])
def test_nobody_wrote_these(warehouse: Warehouse, reason: str, commits: int) -> None:
    ruled_out = (
        "from commits inner join intermediate.int_commits__link_policies as policies using (project_id, commit_sha) "
        f"where policy_reason = '{reason}'"
    )
    assert warehouse.query(f"select count(*) {ruled_out}") == [(commits,)]
    linked = f"select commit_sha from correlations where is_accepted and commit_sha in (select commit_sha {ruled_out})"
    assert warehouse.query(linked) == []


def test_no_session_wrote_what_is_older(warehouse: Warehouse) -> None:
    older = "from commits where authored_at < (select min(started_at) from sessions)"
    assert warehouse.query(f"select count(*) > 0 {older}") == [(True,)]
    linked = f"select commit_sha from correlations where is_accepted and commit_sha in (select commit_sha {older})"
    assert warehouse.query(linked) == []


def test_every_accepted_link_has_content_or_a_name(warehouse: Warehouse) -> None:
    without = (
        "select session_id, commit_sha from correlations where is_accepted except "
        "select session_id, commit_sha from correlation_evidence where evidence_class in ('identity', 'content')"
    )
    assert warehouse.query(without) == []


def test_the_label_is_no_evidence(warehouse: Warehouse) -> None:
    """The trailer that the labels come from is in the messages of the commits: nothing may have read it."""
    assert warehouse.query("select count(*) > 100 from commits where message like '%Entire-Checkpoint%'") == [(True,)]
    assert warehouse.query("select count(*) from correlation_evidence where evidence_kind = 'session_id'") == [(0,)]
    words = (
        "from intermediate.int_commits__words as words inner join commits using (project_id, commit_sha) "
        "where length(word) >= 6 and contains(regexp_extract(message, 'Entire-Checkpoint: *(\\w+)', 1), word)"
    )
    assert warehouse.query(f"select word {words}") == []
