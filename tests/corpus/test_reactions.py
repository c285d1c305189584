"""Reactions against people's labels of the real corpus: those that two readers agreed on, never fitted to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.corpus.conftest import register
from tests.warehouse import Warehouse

LEAST_COVERAGE, LEAST_ACCURACY = 0.80, 0.80


@pytest.fixture(scope="module")
def quality(whole_warehouse: Warehouse, corpus_directory: Path, sessions_directory: Path, tmp_path_factory) -> dict:
    """Rows of `reaction_quality` by label set, certainty and type, in a copy of the warehouse with both label sets."""
    labelled = Warehouse(whole_warehouse.project, tmp_path_factory.mktemp("labelled") / "data")
    shutil.copytree(whole_warehouse.data, labelled.data)
    register(labelled, sessions_directory, corpus_directory)
    for name, file in (("train", "reactions_train.csv"), ("evaluate", "reactions.csv")):
        source = corpus_directory / file
        labelled.ingest("import-labels", "--project", "entire-cli", "--kind", "reaction", "--set", name, str(source))
    labelled.build("--select", "stg_validation__labels", "reaction_quality")
    columns = "label_set, certainty, reaction_type, labelled, known, correct, coverage, accuracy, is_in_sample"
    rows = labelled.query(f"select {columns} from reaction_quality")
    return {row[:3]: dict(zip(columns.split(", ")[3:], row[3:], strict=True)) for row in rows}


def test_reactions_agree_with_people(quality: dict) -> None:
    overall = quality["evaluate", "sure", "overall"]
    assert overall["labelled"] == 137
    assert overall["coverage"] >= LEAST_COVERAGE, overall
    assert overall["accuracy"] >= LEAST_ACCURACY, overall


def test_every_label_counts(quality: dict) -> None:
    assert quality["train", "all", "overall"]["labelled"] == 478
    assert quality["train", "all", "overall"]["is_in_sample"]
    assert not quality["evaluate", "sure", "overall"]["is_in_sample"]
