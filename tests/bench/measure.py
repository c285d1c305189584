"""Runs a command and says what it cost; reads dbt's own times."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.paths import PRODUCT_ROOT


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds, processor seconds and the largest resident memory (bytes) of one process."""

    seconds: float
    processor_seconds: float
    peak_bytes: int


def run(command: Sequence[str], *, directory: Path, environment: dict[str, str]) -> Cost:
    """Run to the end; raises RuntimeError with the output's tail where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=directory, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output.decode(errors='replace')[-3000:]}")
    # Linux counts in kilobytes, macOS in bytes
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


def run_step(data: Path, module: str, *arguments: str) -> Cost:
    """`python -m module arguments` on a data directory; dbt's own files stay beside it from night to night."""
    environment = {
        "OPE_DATA_DIR": str(data),
        "DBT_PROFILES_DIR": str(PRODUCT_ROOT),
        "DBT_TARGET_PATH": str(data.with_name(f"{data.name}-target")),
        "DBT_LOG_PATH": str(data.with_name(f"{data.name}-logs")),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }
    return run([sys.executable, "-m", module, *arguments], directory=PRODUCT_ROOT, environment=environment)


def size(path: Path) -> int:
    """Bytes of a file, or of all below a directory."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class Layer:
    """Nodes of one folder: how many, the time each took added up, and from the first's start to the last's end."""

    nodes: int
    busy_seconds: float
    span_seconds: float


def dbt_layers(target: Path) -> dict[str, Layer]:
    """What the last dbt command of `target` spent per folder of models, on seeds and on tests."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    spans: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for result in results:
        node = manifest["nodes"].get(result["unique_id"])
        times = [part for part in result["timing"] if part.get("completed_at")]
        if node is None or not times:
            continue
        layer = "/".join(node["fqn"][1:3]) if node["resource_type"] == "model" else f"{node['resource_type']}s"
        spans[layer].append((times[0]["started_at"], times[-1]["completed_at"], result["execution_time"]))
    return {
        layer: Layer(len(parts), sum(part[2] for part in parts), _seconds_between(parts))
        for layer, parts in spans.items()
    }


def _seconds_between(parts: list[tuple[str, str, float]]) -> float:
    from datetime import datetime

    def instant(text: str) -> datetime:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))

    return (max(instant(part[1]) for part in parts) - min(instant(part[0]) for part in parts)).total_seconds()
