"""The real corpus in five nights, cut at any byte, gives what one night gives, mart by mart and row for row."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from tests.corpus.conftest import register
from tests.warehouse import WITHOUT_TESTS, Warehouse

NIGHTS = 5
SEED = int(os.environ.get("OPE_PROPERTY_SEED") or 20260105)


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
            os.utime(grown, ns=(path.stat().st_atime_ns, modified_at(path, size, night)))


def modified_at(path: Path, size: int, night: int) -> int:
    """When the agent wrote last, in nanoseconds: minutes ago where a line may be half, long ago where all is there."""
    whole = path.stat()
    return whole.st_mtime_ns + night if size == whole.st_size else time.time_ns() - 60 * 10**9


def random_cuts(source: Path, seed: int) -> dict[Path, list[int]]:
    """Sizes in bytes of every file at the end of each night: some files and directories come late, all are whole in
    the last."""
    chance = random.Random(seed)
    cuts = {}
    late = {path: chance.choices((0, 1, 3), weights=(6, 2, 2))[0] for path in sorted(source.iterdir())}
    for path in sorted(source.rglob("*.jsonl")):
        size, first_night = path.stat().st_size, chance.choices(range(NIGHTS), weights=(6, 3, 2, 1, 1))[0]
        first_night = max(first_night, late[source / path.relative_to(source).parts[0]])
        sizes = sorted(chance.randrange(size + 1) for _ in range(NIGHTS - 1 - first_night))
        cuts[path] = [0] * first_night + sizes + [size]
    return cuts


@pytest.mark.long
def test_five_nights_equal_one(
    corpus_directory: Path, sessions_directory: Path, whole_warehouse: Warehouse, tmp_path: Path
) -> None:
    cuts = random_cuts(sessions_directory, SEED)
    growing = tmp_path / "projects"
    growing.mkdir()
    warehouse = Warehouse.make(tmp_path / "nightly")
    # the tokens that stand for secrets depend on the key
    shutil.copy2(whole_warehouse.data / ".redaction_key", warehouse.data)
    register(warehouse, growing, corpus_directory)
    prices = warehouse.project / "seeds/pricing/model_prices.csv"
    as_reviewed = prices.read_text(encoding="utf-8")
    costs = []

    for night in range(NIGHTS):
        # a price is edited on the second night, and set right on the fourth
        prices.write_text(as_reviewed.replace(",5,25,", ",50,250,") if night in (1, 2) else as_reviewed, "utf-8")
        grow(sessions_directory, growing, cuts, night)
        warehouse.ingest("sync")
        part = ("--select", "staging", "int_sessions__states+1") if night == 2 else ()
        # the data tests run on the last night
        warehouse.build(*(() if night == NIGHTS - 1 else WITHOUT_TESTS), *part)
        priced = "sum(cost_usd) filter (where model like 'claude-opus-4-5%')"
        costs += warehouse.query(f"select {priced}, count(*) from token_usage")

    assert costs[1][1] > costs[0][1] and costs[4][1] > costs[3][1], "every night brings something"
    assert costs[1][0] > 2 * costs[0][0], "the edited price must hold for what was built before it, too"
    assert warehouse.contents() == whole_warehouse.contents()
