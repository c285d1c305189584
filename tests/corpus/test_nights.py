"""The real corpus in three nights gives what one night gives, mart by mart and row for row."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.corpus.conftest import register
from tests.warehouse import WITHOUT_TESTS, Warehouse

NIGHTS = 3


def grow(source: Path, target: Path, cuts: dict[Path, list[int]], night: int) -> None:
    """Bring every file of `target` to its size of this night by appending what the source has more."""
    for path, sizes in cuts.items():
        size = sizes[night]
        grown = target / path.relative_to(source)
        written = grown.stat().st_size if grown.exists() else 0
        if size > written:
            grown.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as whole, grown.open("ab") as growing:
                whole.seek(written)
                growing.write(whole.read(size - written))


def random_cuts(source: Path, seed: int) -> dict[Path, list[int]]:
    """Sizes in bytes of every file at the end of each night: some come late, all are whole in the last."""
    chance = random.Random(seed)
    cuts = {}
    for path in sorted(source.rglob("*.jsonl")):
        size, first_night = path.stat().st_size, chance.choices(range(NIGHTS), weights=(6, 3, 1))[0]
        sizes = sorted(chance.randrange(size + 1) for _ in range(NIGHTS - 1 - first_night))
        cuts[path] = [0] * first_night + sizes + [size]
    return cuts


@pytest.mark.long
def test_three_nights_equal_one(
    corpus_directory: Path, sessions_directory: Path, whole_warehouse: Warehouse, tmp_path: Path
) -> None:
    cuts = random_cuts(sessions_directory, seed=20260105)
    growing = tmp_path / "projects"
    growing.mkdir()
    warehouse = Warehouse.make(tmp_path / "nightly")
    # the tokens that stand for secrets depend on the key
    shutil.copy2(whole_warehouse.data / ".redaction_key", warehouse.data)
    register(warehouse, growing, corpus_directory)
    prices = warehouse.project / "seeds/pricing/model_prices.csv"
    as_reviewed = prices.read_text(encoding="utf-8")

    grow(sessions_directory, growing, cuts, 0)
    warehouse.ingest("sync")
    warehouse.build(*WITHOUT_TESTS)  # they run on the last night
    first_night = warehouse.query("select sum(cost_usd), count(*) from token_usage")

    # a price is edited between the first two nights, and set right before the last
    prices.write_text(as_reviewed.replace(",5,25,", ",50,250,"), encoding="utf-8")
    grow(sessions_directory, growing, cuts, 1)
    warehouse.ingest("sync")
    warehouse.build(*WITHOUT_TESTS)
    second_night = warehouse.query("select sum(cost_usd), count(*) from token_usage")
    assert second_night[0][1] > first_night[0][1]
    assert second_night[0][0] > 2 * first_night[0][0], "the edited price must hold for what was built before it, too"

    prices.write_text(as_reviewed, encoding="utf-8")
    grow(sessions_directory, growing, cuts, 2)
    warehouse.ingest("sync")
    warehouse.build()

    assert warehouse.contents() == whole_warehouse.contents()
