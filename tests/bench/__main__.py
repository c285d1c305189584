"""Measure every step on the corpus and print one table per part.

    OPE_CORPUS_DIR=DIR python -m tests.bench [PART]...

Parts: path night growth correlation git query readers hook redaction.

Machines are noisy: each part has a baseline in the same run, and the ratio to it is what can be compared.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from ingest.paths import PRODUCT_ROOT
from tests.bench.commits import commit_times, percentile
from tests.bench.corpus import WORK, append, enlarge, hold_back, unpacked_sessions
from tests.bench.correlation import CORPUS_DAYS, TIMES, measure_clones, show_growth
from tests.bench.measure import Cost, dbt_layers, run, size
from tests.bench.night import TIMES as TIMES_OF_NIGHTS
from tests.bench.night import measure_nights, show_nights, write_figures
from tests.bench.readers import Reader
from tests.bench.redaction import measure_redaction

DBT = str(Path(sys.executable).with_name("dbt"))
NO_TESTS = ("--exclude-resource-type", "unit_test", "test")
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


def show(name: str, cost: Cost, note: str = "") -> None:
    spent = f"{cost.seconds:7.2f} s  {cost.processor_seconds:7.2f} cpu s  {cost.peak_bytes / 1e6:6.0f} MB"
    print(f"  {name:<34} {spent}  {note}".rstrip())


def python(data: Path, *arguments: str) -> Cost:
    return run([sys.executable, *arguments], directory=PRODUCT_ROOT, environment={"OPE_DATA_DIR": str(data)})


def dbt(data: Path, *arguments: str) -> Cost:
    environment = {
        "OPE_DATA_DIR": str(data),
        "DBT_PROFILES_DIR": str(PRODUCT_ROOT),
        "DBT_TARGET_PATH": str(WORK / "target"),
        "DBT_LOG_PATH": str(WORK / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
    }
    return run([DBT, "--log-level", "warn", *arguments], directory=PRODUCT_ROOT, environment=environment)


def register(data: Path, sessions: Path, metadata: Path) -> Cost:
    names = ("--name", "Bench", "--id", "bench", "--sessions", str(sessions), "--git-metadata", str(metadata))
    return python(data, "-m", "ingest", "add-project", *names)


def fresh(name: str) -> Path:
    directory = WORK / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def redaction(sessions: Path, _metadata: Path) -> None:
    """One core, bytes in memory: the redaction engine, what a plain copy costs, and a peer library."""
    measure_redaction(sessions)


def path(sessions: Path, metadata: Path) -> None:
    """From nothing to tested marts."""
    total = size(sessions)
    copy = run(["cp", "-r", str(sessions), str(fresh("copy"))], directory=WORK, environment={})
    show("baseline: cp -r of the sessions", copy, f"{total / 1e6 / copy.seconds:.0f} MB/s")
    shutil.rmtree(WORK / "copy")
    data = fresh("data")
    register(data, sessions, metadata)
    (data / "ope.db").unlink(missing_ok=True)
    steps = {
        "archive with redaction": "archive",
        "landing": "land",
    }
    costs = []
    for name, step in steps.items():
        costs.append(python(data, "-m", "tests.bench.step", step))
        show(
            name, costs[-1], f"{total / 1e6 / costs[-1].seconds:.0f} MB/s, {costs[-1].seconds / copy.seconds:.1f} × cp"
        )
    shutil.rmtree(data)
    data.mkdir()
    register(data, sessions, metadata)
    sync = python(data, "-m", "ingest", "sync")
    show("sync (archive, git, landing)", sync, f"{total / 1e6 / sync.seconds:.0f} MB/s")
    print(f"  {'database after landing':<34} {size(data / 'ope.db') / 1e6:7.0f} MB")
    show("dbt parse, once per change of code", dbt(data, "parse", "--no-partial-parse"))
    build = dbt(data, "build", *NO_TESTS)
    show("dbt build without tests", build)
    for layer, part in dbt_layers(WORK / "target").items():
        print(f"    {layer:<32} {part.span_seconds:7.2f} s  {part.busy_seconds:7.2f} s added up, {part.nodes} nodes")
    print(f"  {'whole path without tests':<34} {sync.seconds + build.seconds:7.2f} s")
    tests = dbt(data, "test", *NO_UNIT_TESTS)
    show("data tests alone (dbt test)", tests)
    database = size(data / "ope.db")
    (data / "ope.db").unlink()
    python(data, "-m", "ingest", "sync")
    whole = dbt(data, "build", *NO_UNIT_TESTS)
    show("dbt build with data tests", whole)
    print(f"  {'whole path with tests':<34} {sync.seconds + whole.seconds:7.2f} s")
    print(f"  {'database':<34} {database / 1e6:7.0f} MB  {total / 1e6:.0f} MB of sessions")


def growth(sessions: Path, metadata: Path) -> None:
    """The same path with three times the sessions, each copy with ids of its own: time and memory, 1× and 3×."""
    enlarged = WORK / "enlarged"
    enlarge(sessions, enlarged, 3)
    spent: dict[str, dict[str, float]] = {}
    for name, source in (("1×", sessions), ("3×", enlarged)):
        data = fresh("growth")
        register(data, source, metadata)
        (data / "ope.db").unlink(missing_ok=True)
        sync = python(data, "-m", "ingest", "sync")
        show(f"{name}: sync", sync)
        build = dbt(data, "build", *NO_TESTS)
        show(f"{name}: dbt build without tests", build, f"database {size(data / 'ope.db') / 1e6:.0f} MB")
        spent[name] = {layer: part.busy_seconds for layer, part in dbt_layers(WORK / "target").items()}
        spent[name]["whole path"] = sync.seconds + build.seconds
    for layer, seconds in spent["3×"].items():
        print(f"    {layer:<32} {spent['1×'][layer]:7.2f} s → {seconds:7.2f} s  {seconds / spent['1×'][layer]:.1f} ×")
    shutil.rmtree(enlarged)


def correlation(_sessions: Path, _metadata: Path) -> None:
    """Which session wrote which commit, with 3 and 10 times the commits and sessions of one project, model by model."""
    built = WORK / "data" / "ope.db"
    if not built.exists():
        raise SystemExit("Run the part `path` first: it builds the warehouse that is cloned here.")
    dbt(WORK / "data", "compile", "--select", "resource_type:model")
    for name, days_apart in (("one after another", CORPUS_DAYS), ("all at the same time", 0)):
        print(f"  clones of the corpus, {name}; processor seconds, DuckDB's memory, rows of the largest")
        work = fresh("clones")
        show_growth({times: measure_clones(built, WORK / "target", work, times, days_apart) for times in TIMES})


def night(sessions: Path, metadata: Path) -> None:
    """Nights with nothing new, with little, and with 1 % more lines, at 1×, 3× and 10× the corpus (OPE_BENCH_TIMES)."""
    sizes = [int(times) for times in os.environ.get("OPE_BENCH_TIMES", "").split()]
    measured = []
    for times in sizes or TIMES_OF_NIGHTS:
        of_size = measure_nights(sessions, metadata, WORK / "night", times)
        show_nights(of_size)
        measured += of_size
    if not sizes:
        write_figures(measured)


def git(_sessions: Path, _metadata: Path) -> None:
    """A history through git: 5,000 generated commits, and this repository's own."""
    from tests.ingest.make_repository import make_repository

    generated = fresh("repository")
    make_repository(generated, commits=5000, seed=1)
    for name, repository in (("5,000 generated commits", generated), ("this repository", PRODUCT_ROOT)):
        commits = int(_output(["git", "-C", str(repository), "rev-list", "--all", "--count"]))
        log = run(["git", "-C", str(repository), "log", "--all", "-p", "-U0", "-M"], directory=WORK, environment={})
        show(f"baseline: git log -p, {name}"[:34], log, f"{commits / log.seconds:.0f} commits/s")
        data = fresh("git-data")
        read = python(data, "-m", "tests.bench.step", "git", str(repository))
        show(name, read, f"{commits / read.seconds:.0f} commits/s, {read.seconds / log.seconds:.1f} × git log -p")


def query(sessions: Path, _metadata: Path) -> None:
    """Tool calls and errors per tool and session: from the mart, and from the files."""
    database = WORK / "data" / "ope.db"
    if not database.exists():
        raise SystemExit("Run the part `path` first: it builds the warehouse that is asked here.")
    from_mart = "select session_id, tool_name, count(*), count(*) filter (where is_error) from tool_calls group by all"
    from_files = f"""
        with records as (
            select filename, unnest(json_extract(json, '$.message.content[*]')) as block
            from read_ndjson_objects(
                '{sessions}/**/*.jsonl', ignore_errors=true, filename=true, maximum_object_size=100000000
            )
            where json_type(json, '$.message.content') = 'ARRAY'
        ),
        uses as (
            select filename, block->>'$.name' as tool_name, block->>'$.id' as id
            from records where block->>'$.type' = 'tool_use'
        ),
        results as (
            select filename, block->>'$.tool_use_id' as id, block->>'$.is_error' = 'true' as is_error
            from records where block->>'$.type' = 'tool_result'
        )
        select filename, tool_name, count(*), count(*) filter (where is_error)
        from uses left join results using (filename, id) group by all
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        of_files, of_mart = (_seconds(connection, sql, runs) for sql, runs in ((from_files, 3), (from_mart, 20)))
    print(
        f"  from the mart {of_mart * 1000:.1f} ms, from the files {of_files:.2f} s: {of_files / of_mart:.0f} × faster"
    )


def readers(sessions: Path, metadata: Path) -> None:
    """Ten nights that each add a hundredth of the corpus, while two people read marts.db without pause."""
    place = fresh("readers")
    data, source = place / "data", place / "projects"
    missing = hold_back(sessions, source, 0.1)
    register(data, source, metadata)
    python(data, "-m", "ingest", "nightly")
    question = "select project_id, count(*), sum(turns), sum(tool_calls) from sessions group by all order by all"
    with Reader(data / "marts.db", 0, question) as opening, Reader(data / "marts.db", 20, question) as keeping:
        for night in range(10):
            append({path: _tenth(lines.splitlines(keepends=True), night) for path, lines in missing.items()})
            cost = python(data, "-m", "ingest", "nightly")
            show(f"night {night + 1}", cost)
    for name, seen in (("opens anew for each query", opening.seen), ("keeps it open for 20 s", keeping.seen)):
        print(
            f"  a reader that {name}: {seen.queries:,} queries ({seen.queries / seen.seconds:.1f} per second), "
            f"{len(seen.errors)} errors, {seen.half_states} half states, {len(seen.runs)} states seen, "
            f"slowest query {seen.slowest_seconds:.2f} s, longest pause {seen.longest_pause_seconds:.2f} s"
        )


def _tenth(lines: list[bytes], number: int) -> bytes:
    return b"".join(lines[len(lines) * number // 10 : len(lines) * (number + 1) // 10])


def hook(_sessions: Path, _metadata: Path) -> None:
    """200 commits without and with the hook that names the session, in turn; where its log lies among 1,000 others."""
    times = commit_times(fresh("hook"), commits=200, logs=1000)
    plain = times.pop("without the hook")
    print(
        f"  {'baseline: without the hook':<34} p50 {percentile(plain, 50):6.1f} ms  p95 {percentile(plain, 95):6.1f} ms"
    )
    for name, taken in times.items():
        p50, p95 = percentile(taken, 50), percentile(taken, 95)
        added = percentile([with_it - without for with_it, without in zip(taken, plain, strict=True)], 95)
        ratio = f"{p50 / percentile(plain, 50):.1f} × at p50, {p95 / percentile(plain, 95):.1f} × at p95"
        print(f"  {name:<34} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  {ratio}; it adds {added:.1f} ms (p95)")


def _seconds(connection: duckdb.DuckDBPyConnection, sql: str, runs: int) -> float:
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        assert connection.execute(sql).fetchall()
        times.append(time.perf_counter() - started)
    return min(times)


def _output(command: list[str]) -> str:
    import subprocess

    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Redaction last: it holds the corpus in memory, and a child process begins with the size of its parent.
PARTS: dict[str, Callable[[Path, Path], None]] = {
    "path": path,
    "night": night,
    "growth": growth,
    "correlation": correlation,
    "git": git,
    "query": query,
    "readers": readers,
    "hook": hook,
    "redaction": redaction,
}

# These need no corpus.
WITHOUT_CORPUS = {"hook"}


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"There is no part {unknown[0]!r}: choose from {', '.join(PARTS)}.")
    WORK.mkdir(exist_ok=True)
    needed = set(names or PARTS) - WITHOUT_CORPUS
    sessions, metadata = unpacked_sessions() if needed else (WORK, WORK)
    for name in names or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}", flush=True)
        PARTS[name](sessions, metadata)


if __name__ == "__main__":
    main(sys.argv[1:])
