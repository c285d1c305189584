"""However a warehouse came about, night by night, its marts are those of a new one made from the same archive."""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from pprint import pformat

import duckdb
import pytest

from tests.property import children, plans
from tests.property.random_nights import history, random_files, random_nights
from tests.property.world import World
from tests.warehouse import Warehouse
from tools.unchanged import OPERATIONS_FOLDERS, Content, differences, read_contents

SEED = 20260105
PUBLICATIONS = 4
MINUTES = float(os.environ.get("OPE_PROPERTY_MINUTES", "20"))


@dataclass
class Counts:
    """What was done, for the line that a test prints at its end."""

    cases: int = 0
    nights: int = 0
    builds: int = 0
    seconds: float = 0  # of processor time, of what was not killed
    kills: dict[str, int] = field(default_factory=dict)

    def killed(self, what: str) -> None:
        self.kills[what] = self.kills.get(what, 0) + 1


@dataclass
class Nights:
    """A world with a warehouse, and how to play nights in it."""

    world: World
    project: Path
    counts: Counts

    @classmethod
    def make(cls, directory: Path, files: list[plans.File], counts: Counts) -> Nights:
        warehouse = Warehouse.make(directory)
        warehouse.data.rmdir()
        return cls(World(directory, files, commits=history), warehouse.project, counts)

    def play(self, night: plans.Night) -> None:
        for operation in night.operations:
            match operation:
                case plans.Edit(path, before, after):
                    text = (self.project / path).read_text(encoding="utf-8")
                    assert before in text, f"{path} has no {before!r} to edit"
                    (self.project / path).write_text(text.replace(before, after, 1), encoding="utf-8")
                case plans.Restore(path):
                    shutil.copy(Warehouse.original(path), self.project / path)
                case _:
                    self.world.play(operation)
        self.counts.nights += 1
        if self.world.projects:
            self.world.expect()
            self.run("sync", (), night.kills)
            assert self.world.archived_transcripts() == self.world.expected_transcripts()
        if night.select is not None:
            arguments = ("--select", *night.select) if night.select else ()
            self.run("build", arguments, night.kills, may_fail=night.may_fail)

    def run(
        self, step: str, arguments: tuple[str, ...] = (), kills: tuple[plans.Kill, ...] = (), *, may_fail: bool = False
    ) -> None:
        """The step to its end, after it was killed as often as is said."""
        for kill in kills:
            if kill.what == step:
                ended = children.run(step, self.world.data.root, self.project, arguments, kill)
                if ended.was_killed:
                    self.counts.killed(step)
        ended = children.run(step, self.world.data.root, self.project, arguments)
        self.counts.builds += step == "build"
        self.counts.seconds += ended.seconds
        assert ended.code == 0 or may_fail, ended.printed

    def contents(self) -> dict[str, Content]:
        """As `Warehouse.contents`, with what the ledger says."""
        names = {path.stem for folder in OPERATIONS_FOLDERS for path in (self.project / folder).rglob("*.sql")}
        excluded = {f"{schema}.{name}" for schema in ("main", "intermediate", "staging") for name in names}
        excluded |= {"main.projects", "staging.stg_registry__projects"}
        found = read_contents(self.world.data.database, excluded)
        with duckdb.connect(str(self.world.data.database), read_only=True) as connection:
            projects = connection.execute("select columns(c -> c != 'added_at') from projects order by all").fetchall()
            # the state of a project also says when its rows came
            ledger = connection.execute(
                "select model, unit_id, case when unit_id not in (select project_id from projects) then state_hash end "
                "from audit.ledger order by all"
            ).fetchall()
        found["main.projects"] = Content(len(projects), repr(projects))
        return found | {"audit.ledger": Content(len(ledger), str(hash(tuple(ledger))))}

    def contents_of_a_new_one(self) -> dict[str, Content]:
        """What a new database has that is made from this archive in one go."""
        kept = self.world.root / "kept"
        self.world.data.root.rename(kept)
        try:
            shutil.copytree(kept, self.world.data.root, ignore=shutil.ignore_patterns("ope.db*"))
            self.run("sync")
            self.run("build")
            return self.contents()
        finally:
            shutil.rmtree(self.world.data.root)
            kept.rename(self.world.data.root)


def assert_equal_to_a_new_one(nights: Nights, plan: object) -> None:
    found = differences(nights.contents_of_a_new_one(), nights.contents())
    assert not found, f"{pformat(plan, width=120)}\n\nA new database is not the same:\n" + "\n".join(found)


def played(seed: int, directory: Path, counts: Counts, *, is_short: bool = False) -> tuple[Nights, list[plans.Night]]:
    """The world after the nights of the plan that the seed gives."""
    chance = random.Random(seed)
    files = random_files(chance)
    plan = random_nights(chance, files, is_short=is_short)
    nights = Nights.make(directory, files, counts)
    print(f"seed {seed}:\n{pformat(plan, width=120)}")
    for night in plan:
        nights.play(night)
    counts.cases += 1
    return nights, plan


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[Nights, list[plans.Night]]:
    """A world after a few nights; what is published from it is known to nobody yet."""
    return played(SEED, tmp_path_factory.mktemp("nights"), Counts(), is_short=True)


@pytest.mark.long
def test_some_nights_equal_a_new_warehouse(short: tuple[Nights, list[plans.Night]]) -> None:
    nights, plan = short
    assert_equal_to_a_new_one(nights, plan)
    assert nights.counts.kills, "the plan has to be one with kills"


@pytest.mark.long
def test_a_killed_publication_goes_on(short: tuple[Nights, list[plans.Night]]) -> None:
    """At points all over it: the old file is whole until the new one is, and nothing else is left."""
    nights, _ = short
    data = nights.world.data
    whole = children.run("publish", data.root, nights.project)
    assert whole.code == 0, whole.printed
    expected, names = read_contents(data.published, {"main.publish_state"}), names_below(data.root)
    for point in children.points_of(whole.points, PUBLICATIONS, random.Random(SEED)):
        killed = children.run("publish", data.root, nights.project, (), plans.Kill("publish", point))
        assert killed.was_killed, killed.printed
        assert read_contents(data.published, {"main.publish_state"}) == expected
        again = children.run("publish", data.root, nights.project)
        assert again.code == 0, again.printed
        assert read_contents(data.published, {"main.publish_state"}) == expected
        assert names_below(data.root) == names


def names_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.mark.long
def test_many_nights_equal_a_new_warehouse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plans from seeds that go on from OPE_PROPERTY_SEED (else from the time) for OPE_PROPERTY_MINUTES."""
    counts, until = Counts(), time.monotonic() + MINUTES * 60
    seed = int(os.environ.get("OPE_PROPERTY_SEED") or time.time())
    try:
        while time.monotonic() < until:
            assert_equal_to_a_new_one(*played(seed, tmp_path / str(seed), counts))
            shutil.rmtree(tmp_path / str(seed))
            seed += 1
    finally:
        with capsys.disabled():
            print(f"\n{counts}")
