"""Killed with SIGKILL at any point, a step is repeated, and everything is as if nothing had happened."""

from __future__ import annotations

import os
import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.paths import DataDir
from tests.property import children, plans
from tests.property.random_nights import history, random_files
from tests.property.world import World, raw_rows

SEED = 20260106
POINTS = 8
MINUTES = float(os.environ.get("OPE_PROPERTY_MINUTES", "20"))


@dataclass
class Scene:
    """A world after its first night, with the sources of the second in their place."""

    world: World

    @classmethod
    def make(cls, directory: Path, seed: int) -> Scene:
        chance = random.Random(seed)
        files = random_files(chance)[:16]
        world = World(directory, files, commits=history)
        for project in plans.PROJECTS:
            world.play(plans.Register(project))
            world.play(plans.Commits(project, 4))
        for index, file in enumerate(files[:-3]):
            world.play(plans.Grow(index, chance.randrange(len(file.content) + 1), is_quiet=chance.random() < 0.2))
        world.sync()
        for index, file in enumerate(files):
            world.play(plans.Grow(index, len(file.content)))
        world.play(plans.Rewrite(3, 5))
        world.play(plans.Rename(4, "moved/elsewhere.jsonl"))
        world.play(plans.Remove(5))
        world.play(plans.Commits("one", 9))
        world.expect()
        return cls(world)

    def copy(self, name: str) -> DataDir:
        target = self.world.root / name / "data"
        shutil.copytree(self.world.data.root, target)
        return DataDir(target)

    def sync(self, data: DataDir, kill: plans.Kill | None = None) -> children.Ended:
        return children.run("sync", data.root, data.root, (), kill)


@dataclass(frozen=True)
class State:
    """The archive by path, the rows of schema `raw` by table, and the names of all files."""

    archive: dict[str, bytes]
    rows: dict[str, list[tuple[Any, ...]]]
    names: set[str]

    @classmethod
    def of(cls, data: DataDir) -> State:
        names = {str(path.relative_to(data.root)) for path in data.root.rglob("*") if path.is_file()}
        archived = {name for name in names if name.startswith(("raw/", "processed/")) and "manifest" not in name}
        with duckdb.connect(str(data.database), read_only=True) as connection:
            rows = raw_rows(connection)
        return cls({name: (data.root / name).read_bytes() for name in archived}, rows, names)

    def differences(self, other: State) -> list[str]:
        """One line for everything that only one of the two has."""
        found = [f"file {name}" for name in self.names ^ other.names]
        found += [f"bytes of {name}" for name in self.archive if self.archive[name] != other.archive.get(name)]
        for table, rows in self.rows.items():
            for sign, some, rest in (("-", rows, other.rows[table]), ("+", other.rows[table], rows)):
                found += [f"{sign} {table}: {str(row)[:300]}" for row in set(some) - set(rest)]
            if len(rows) != len(other.rows[table]):
                found.append(f"{table}: {len(rows)} rows and {len(other.rows[table])}")
        return sorted(found)


def try_kills(scene: Scene, expected: State, name: str, kills: list[plans.Kill]) -> int:
    """Kill a sync, and its repetitions too where there are several kills; then repeat it. Returns how many hit."""
    data = scene.copy(name)
    hits = sum(scene.sync(data, kill).was_killed for kill in kills)
    ended = scene.sync(data)
    assert ended.code == 0, ended.printed
    found = expected.differences(State.of(data))
    assert not found, "\n".join([f"after {kills}", *found])
    shutil.rmtree(data.root.parent)
    return hits


def test_a_killed_sync_goes_on(tmp_path: Path) -> None:
    """At points all over it: calls that write, and statements."""
    scene, chance = Scene.make(tmp_path, SEED), random.Random(SEED)
    whole = scene.copy("whole")
    ended = scene.sync(whole)
    assert (ended.code, ended.points > 100) == (0, True), ended.printed
    expected = State.of(whole)
    points = children.points_of(ended.points, POINTS, chance)
    kills = [[plans.Kill("sync", point)] for point in points]
    # the repetition is killed too
    kills[-1].append(plans.Kill("sync", chance.randrange(40)))
    hits = sum(try_kills(scene, expected, str(number), some) for number, some in enumerate(kills))
    assert hits >= POINTS


@pytest.mark.long
def test_a_sync_killed_often_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every point of some syncs, with second kills and kills by the clock, for a third of OPE_PROPERTY_MINUTES."""
    until = time.monotonic() + MINUTES * 20
    seed = int(os.environ.get("OPE_PROPERTY_SEED") or time.time())
    tried = hits = 0
    while time.monotonic() < until:
        scene, chance = Scene.make(tmp_path / str(seed), seed), random.Random(seed)
        whole = scene.copy("whole")
        began = time.monotonic()
        ended = scene.sync(whole)
        lasted = time.monotonic() - began
        assert ended.code == 0, ended.printed
        expected = State.of(whole)
        print(f"seed {seed}: {ended.points} points")
        for point in children.points_of(ended.points, 60, chance):
            kills = [plans.Kill("sync", point)]
            if chance.random() < 0.3:
                kills.append(plans.Kill("sync", chance.randrange(ended.points)))
            if chance.random() < 0.3:
                kills.append(plans.Kill("sync", seconds=chance.uniform(0.05, lasted)))
            tried += 1
            hits += try_kills(scene, expected, str(tried), kills)
            if time.monotonic() > until:
                break
        shutil.rmtree(tmp_path / str(seed))
        seed += 1
    with capsys.disabled():
        print(f"\n{tried} syncs, killed {hits} times")
