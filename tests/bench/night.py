"""What a night costs at 1×, 3× and 10× the corpus: each step and layer, when nothing, little or everything is new."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.paths import PRODUCT_ROOT
from tests.bench.corpus import append, hold_back
from tests.bench.measure import Cost, run_step, size
from tests.bench.projects import copy_project

FIGURES = PRODUCT_ROOT / "docs" / "figures" / "nightly-cost.csv"
TIMES = (1, 3, 10)
SHARE = 0.01
LAYERS = ("start-up", "seeds", "staging", "intermediate", "marts", "tests")
STEPS = ("sync", *LAYERS, "publish")
# When all is new: what a night without memory would cost, the baseline of its size.
BASELINE = "first night"


@dataclass
class Night:
    """Processor seconds per step, peak memory (bytes) of the largest process, size of ope.db after it (bytes), and how
    many nodes dbt built and how many files it parsed."""

    times: int
    name: str
    new_lines: int
    steps: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    peak_bytes: int = 0
    database_bytes: int = 0
    built_nodes: int = 0
    parsed_files: int = 0

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())

    def add(self, cost: Cost) -> None:
        self.wall_seconds += cost.seconds
        self.peak_bytes = max(self.peak_bytes, cost.peak_bytes)


def measure_nights(sessions: Path, metadata: Path, work: Path, times: int) -> list[Night]:
    """Nights of a warehouse of `times` projects like the corpus; all that is new comes to a tenth of one's sessions."""
    projects = [copy_project(sessions, metadata, work / "projects", number) for number in range(times)]
    data = work / f"data-{times}"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    growing = work / "growing"
    lines = sum(path.read_bytes().count(b"\n") for path in projects[0][0].rglob("*.jsonl"))
    # what comes in two nights: as much at every size, and then as much as is that share of this size
    little = hold_back(projects[0][0], growing, SHARE)
    more = hold_back_more(growing, SHARE * times, lines, set(little)) if times > 1 else {}
    for number, (source, commits) in enumerate(projects):
        register(data, f"project-{number}", growing if number == 0 else source, commits)
    nights = [
        _night(data, times, BASELINE, lines * times - _held_back(little, more)),
        _night(data, times, "nothing new", 0),
        _night(data, times, f"{SHARE:.0%} of 1× new", _appended(little)),
    ]
    if more:
        nights.append(_night(data, times, f"{SHARE:.0%} new", _appended(more)))
    shutil.rmtree(data)
    shutil.rmtree(growing)
    return nights


def hold_back_more(growing: Path, share: float, lines: int, taken: set[Path]) -> dict[Path, bytes]:
    """Cut the ends off more of the files in place, `share` of so many lines in all; what is missing, by file."""
    files = [path for path in sorted(growing.rglob("*.jsonl")) if path not in taken]
    wanted, missing = round(share * lines), {}
    for position, path in enumerate(chosen := random.Random(2).sample(files, len(files) // 5)):
        content = path.read_bytes().splitlines(keepends=True)
        part = min(len(content), -(-wanted // (len(chosen) - position)))
        wanted -= part
        missing[path] = b"".join(content[len(content) - part :])
        path.write_bytes(b"".join(content[: len(content) - part]))
    return missing


def register(data: Path, name: str, sessions: Path, metadata: Path) -> None:
    names = ("--name", name, "--id", name, "--sessions", str(sessions), "--git-metadata", str(metadata))
    run_step(data, "ingest", "add-project", *names)


def _held_back(*missing: dict[Path, bytes]) -> int:
    return sum(data.count(b"\n") for part in missing for data in part.values())


def _appended(missing: dict[Path, bytes]) -> int:
    append(missing)
    return _held_back(missing)


def _night(data: Path, times: int, name: str, new_lines: int) -> Night:
    night = Night(times, name, new_lines)
    told = data / "told.json"
    sync = run_step(data, "ingest", "sync")
    night.add(sync)
    night.steps["sync"] = sync.processor_seconds
    night.add(run_step(data, "tests.bench.step", "build", str(told)))
    spent = json.loads(told.read_text(encoding="utf-8"))
    night.steps.update({layer: spent["seconds"].get(layer, 0.0) for layer in LAYERS})
    night.built_nodes, night.parsed_files = spent["built"], spent["parsed"]
    publish = run_step(data, "tests.bench.step", "publish")
    night.add(publish)
    night.steps["publish"] = publish.processor_seconds
    night.database_bytes = size(data / "ope.db")
    return night


def show_nights(nights: list[Night]) -> None:
    """The nights of one size: what each step took, in processor seconds, and all as a share of the first night."""
    [baseline] = [night for night in nights if night.name == BASELINE]
    print(f"  {f'{baseline.times}×, processor seconds':<26}" + "".join(f"{night.name:>16}" for night in nights))
    rows: list[tuple[str, Callable[[Night], str]]] = [
        ("new lines", lambda night: f"{night.new_lines:,}"),
        *[(step, lambda night, step=step: f"{night.steps[step]:.1f}") for step in STEPS],
        ("all", lambda night: f"{night.seconds:.1f}"),
        ("of the first night", lambda night: f"{night.seconds / baseline.seconds:.0%}"),
        ("wall clock, s", lambda night: f"{night.wall_seconds:.1f}"),
        ("peak memory, MB", lambda night: f"{night.peak_bytes / 1e6:.0f}"),
        ("ope.db, MB", lambda night: f"{night.database_bytes / 1e6:.0f}"),
        ("nodes built", lambda night: f"{night.built_nodes}"),
        ("files parsed", lambda night: f"{night.parsed_files}"),
    ]
    for label, value in rows:
        print(f"    {label:<24}" + "".join(f"{value(night):>16}" for night in nights), flush=True)


def write_figures(nights: list[Night], path: Path = FIGURES) -> None:
    """The same as CSV, one row per size, night and step; seconds are of the processor."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["times", "night", "new_lines", "step", "seconds", "peak_mb", "database_mb"])
        for night in nights:
            for name, seconds in [*night.steps.items(), ("all", night.seconds)]:
                sizes = (
                    (round(night.peak_bytes / 1e6), round(night.database_bytes / 1e6)) if name == "all" else ("", "")
                )
                writer.writerow([night.times, night.name, night.new_lines, name, f"{seconds:.1f}", *sizes])
