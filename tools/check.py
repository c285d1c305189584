"""`make test`: the checks of the repository in order, and one line at the end that counts.

    python -m tools.check [STEP]...

Without a step, those of five minutes; `all` stands for everything that continuous integration runs.

Works in `target/check/` with a copy of the dbt project, which is parsed once for all steps, and with data of its own:
the user's data directory is never touched. Every step runs, whatever became of the ones before; the exit code is 1
when anything failed. What shares nothing with the others (`BESIDE`) runs beside them and is told last.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree

from tests.warehouse import Warehouse, copy_project
from tools import sql_style
from tools.unchanged import differences, mark_ledger, operations_relations, read_contents, unmark_ledger

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "check"
SAMPLE = Warehouse.at(WORK)
TARGET = SAMPLE.project / "target"
VENV = ROOT / ".venv" / "bin"
LINT_VENV = ROOT / ".venv-lint" / "bin"

DBT = [str(VENV / "dbt")]
DBT_PASSED = {"pass", "success", "warn"}
TWO_PROCESSES = ("--numprocesses=2", "--dist=loadfile", "--no-loadscope-reorder")


@dataclass
class Outcome:
    """Tests that passed, failed and were skipped. A step that is no test suite only counts when it fails."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""


def environment(**changes: str) -> dict[str, str]:
    """The environment of a step: usage statistics off, all that dbt writes below `target/check/`."""
    return os.environ | {
        "DBT_PROFILES_DIR": str(SAMPLE.project),
        "DBT_TARGET_PATH": str(TARGET),
        "DBT_LOG_PATH": str(WORK / "logs"),
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DO_NOT_TRACK": "1",
        "OPE_DATA_DIR": str(SAMPLE.data),
        **changes,
    }


def run(command: list[str], directory: Path = ROOT, output: IO[bytes] | None = None, **changes: str) -> int:
    done = subprocess.run(command, cwd=directory, env=environment(**changes), check=False, stdout=output, stderr=output)
    return done.returncode


def run_on_copy(command: list[str]) -> int:
    """Run what reads the dbt project, in its copy. The data's path is relative, as in every warehouse of a test: a
    parse holds for one such path."""
    return run(command, SAMPLE.project, OPE_DATA_DIR=os.path.relpath(SAMPLE.data, SAMPLE.project))


def by_exit_code(code: int, note: str = "") -> Outcome:
    return Outcome(failed=0 if code == 0 else 1, note=note)


def check_ruff() -> Outcome:
    return by_exit_code(run([str(VENV / "ruff"), "check"]))


def check_format() -> Outcome:
    return by_exit_code(run([str(VENV / "ruff"), "format", "--check"]))


def check_sqlfluff() -> Outcome:
    """Every file of the copy that has changed since it was last found clean: a file takes two seconds.

    The templater compiles with dbt, which opens the database: an empty one is enough.
    """
    SAMPLE.data.mkdir(exist_ok=True)
    for name in sql_style.SETTINGS:
        shutil.copy2(ROOT / name, SAMPLE.project)
    lines = sql_style.lines(SAMPLE.project)
    unknown = sql_style.unknown(ROOT, lines)
    note = f"{len(unknown)} of {len(lines)} files, the others are as they were when found clean"
    if unknown:
        command = [str(LINT_VENV / "sqlfluff"), "lint", "--disable-progress-bar", "--processes", "0", *unknown]
        if code := run_on_copy(command):
            return by_exit_code(code, note)
        sql_style.remember(ROOT, lines)
    return Outcome(note=note)


def check_pytest() -> Outcome:
    """Every test that takes some seconds at most."""
    return run_pytest("pytest", *TWO_PROCESSES)


def check_pytest_slow() -> Outcome:
    """Every test but those that take minutes, and those of the real corpus."""
    return run_pytest("pytest", *TWO_PROCESSES, "--slow", "--ignore=tests/corpus")


def check_corpus() -> Outcome:
    """What holds on the real corpus, where OPE_CORPUS_DIR names it: in one process, with a warehouse of its own."""
    with (WORK / "corpus.txt").open("wb") as output:
        return run_pytest("corpus", "--slow", "tests/corpus", output=output)


def run_pytest(name: str, *options: str, output: IO[bytes] | None = None) -> Outcome:
    """Away from everything that belongs to the user: data, sessions and settings of git."""
    report = WORK / f"{name}.xml"
    report.unlink(missing_ok=True)
    code = run(
        [str(VENV / "python"), "-m", "pytest", f"--junitxml={report}", *options],
        output=output,
        OPE_DATA_DIR=str(WORK / "no-data"),
        CLAUDE_CONFIG_DIR=str(WORK / "no-sessions"),
        GIT_CONFIG_GLOBAL=os.devnull,
        GIT_CONFIG_NOSYSTEM="1",
    )
    outcome = Outcome()
    if report.exists():
        for suite in ElementTree.parse(report).iter("testsuite"):
            count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
            outcome.failed += count["failures"] + count["errors"]
            outcome.skipped += count["skipped"]
            outcome.passed += max(0, count["tests"] - count["failures"] - count["errors"] - count["skipped"])
    return counted(outcome, code)


def check_dbt() -> Outcome:
    """The sample from nothing, as `make build` does it, with unit tests. The tests of pytest read it."""
    shutil.rmtree(SAMPLE.data, ignore_errors=True)
    for command in (["tools/sample.sh", str(SAMPLE.data)], [str(VENV / "python"), "-m", "ingest", "sync"]):
        if run(command):
            return Outcome(failed=1, note="the sample could not be landed")
    outcome = build_and_count("build")
    if not outcome.failed and read_contents(SAMPLE.database, set())["main.sessions"].rows == 0:
        return Outcome(outcome.passed, 1, outcome.skipped, "the sample gave no sessions")
    if not outcome.failed:
        os.environ["OPE_BUILT_SAMPLE"] = str(WORK)
    return outcome


def check_again() -> Outcome:
    """A second build with nothing new: same content everywhere, no session built anew."""
    if not SAMPLE.database.exists():
        return Outcome(failed=1, note="no warehouse to build again: run the step dbt first")
    excluded = operations_relations(TARGET / "manifest.json")
    before = read_contents(SAMPLE.database, excluded)
    marked = mark_ledger(SAMPLE.database)
    # Unit tests do not look at the data, so they cannot say anything new.
    outcome = build_and_count("build", "--exclude-resource-type", "unit_test")
    kept, rebuilt = unmark_ledger(SAMPLE.database)
    found = differences(before, read_contents(SAMPLE.database, excluded))
    found += [f"{model} built {count:,} sessions anew" for model, count in rebuilt.items()]
    if kept != marked:
        found.append(f"audit.ledger kept {kept:,} of {marked:,} rows")
    if not marked:
        found.append("audit.ledger is empty: no model is built by session")
    for sentence in found:
        print(f"changed: {sentence}")
    note = f"{len(before)} relations compared, {marked:,} rows in the ledger"
    # Its data tests are those of the first build: only what failed counts again.
    return Outcome(failed=outcome.failed + len(found), note=note)


def check_bouncer() -> Outcome:
    """Conventions of models, sources and seeds, as far as the project's files tell."""
    SAMPLE.data.mkdir(exist_ok=True)
    return run_bouncer("manifest_checks", ["parse"])


def check_docs() -> Outcome:
    """The documentation of the sample's warehouse, and that it has every column of every table."""
    if not SAMPLE.database.exists():
        return Outcome(failed=1, note="no warehouse to document: run the step dbt first")
    return run_bouncer("catalog_checks", ["docs", "generate", "--static"])


def run_bouncer(category: str, dbt_command: list[str]) -> Outcome:
    if run_on_copy([*DBT, "--log-level", "warn", *dbt_command]):
        return Outcome(failed=1, note=f"dbt {dbt_command[0]} failed")
    bouncer = LINT_VENV / "dbt-bouncer"
    if not bouncer.exists():
        return Outcome(skipped=1, note="dbt-bouncer needs Python 3.11 or newer")
    command = [str(bouncer), "run", "--config-file", "dbt-bouncer.yml", "--only", category]
    # dbt-bouncer looks for dbt's artifacts in target/ below this directory, and cuts its table to the width it is told.
    return by_exit_code(run(command, DBT_PROJECT_DIR=str(SAMPLE.project), COLUMNS=os.environ.get("COLUMNS", "180")))


def build_and_count(*arguments: str) -> Outcome:
    """One dbt command; its tests by their status, everything else only where it failed."""
    results = TARGET / "run_results.json"
    results.unlink(missing_ok=True)
    code = run_on_copy([*DBT, "--log-level", "warn", *arguments])
    outcome = Outcome()
    if results.exists():
        statuses = [
            (result["unique_id"].split(".")[0] in ("test", "unit_test"), result["status"])
            for result in json.loads(results.read_text(encoding="utf-8"))["results"]
        ]
        warned = sum(status == "warn" for _, status in statuses)
        outcome.passed = sum(is_test and status in DBT_PASSED for is_test, status in statuses)
        outcome.skipped = sum(is_test and status == "skipped" for is_test, status in statuses)
        outcome.failed = sum(status not in DBT_PASSED | {"skipped", "no-op"} for _, status in statuses)
        outcome.note = f"{warned} warned" if warned else ""
    return counted(outcome, code)


def counted(outcome: Outcome, code: int) -> Outcome:
    """An exit code that no failed test explains (a crash, nothing collected) is a failure of its own."""
    if code and not outcome.failed:
        outcome.failed, outcome.note = 1, f"exit code {code}"
    return outcome


STEPS: dict[str, tuple[str, Callable[[], Outcome]]] = {
    "ruff": ("ruff check", check_ruff),
    "format": ("ruff format --check", check_format),
    "bouncer": ("dbt-bouncer, conventions", check_bouncer),
    "sqlfluff": ("sqlfluff lint", check_sqlfluff),
    "dbt": ("dbt build on the sample", check_dbt),
    "again": ("a second dbt build", check_again),
    "docs": ("dbt docs, every column", check_docs),
    "pytest": ("pytest", check_pytest),
    "pytest-slow": ("pytest, with what is slow", check_pytest_slow),
    "corpus": ("pytest on the real corpus", check_corpus),
}
QUICK = ("ruff", "format", "dbt", "docs", "pytest")
ALL = tuple(name for name in STEPS if name != "pytest")  # pytest-slow holds it
BESIDE = "corpus"


def main(names: list[str]) -> int:
    chosen = ALL if names == ["all"] else names or QUICK
    unknown = [name for name in chosen if name not in STEPS]
    if unknown:
        print(f"There is no step {unknown[0]!r}: choose from {', '.join(STEPS)}, or all.", file=sys.stderr)
        return 2
    copy_project(SAMPLE.project)
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(timed, BESIDE) if BESIDE in chosen else None
        results = [told(name) for name in chosen if name != BESIDE]
        if beside:
            results.append(told(BESIDE, beside))
    total = Outcome(
        *(sum(getattr(outcome, key) for _, outcome, _ in results) for key in ("passed", "failed", "skipped"))
    )
    lines = [summary_line(*result) for result in results]
    print("\n" + "\n".join(lines) + "\n")
    skipped = f", {total.skipped:,} skipped" if total.skipped else ""
    print(f"{total.passed} passed, {total.failed} failed{skipped}")
    return 1 if total.failed else 0


def timed(name: str) -> tuple[str, Outcome, float]:
    """The title of a step, what became of it, and its seconds."""
    title, check = STEPS[name]
    started = time.monotonic()
    return title, check(), time.monotonic() - started


def told(name: str, beside: Future[tuple[str, Outcome, float]] | None = None) -> tuple[str, Outcome, float]:
    """The same, with its output below its title: as it comes, or when it is done where it ran `beside` others."""
    print(f"\n── {STEPS[name][0]}", flush=True)
    if beside is None:
        return timed(name)
    result = beside.result()
    print((WORK / f"{name}.txt").read_text(encoding="utf-8", errors="replace"), flush=True)
    return result


def summary_line(title: str, outcome: Outcome, seconds: float) -> str:
    counts = [f"{count:,} {word}" for count, word in ((outcome.passed, "passed"), (outcome.failed, "failed")) if count]
    counts += [f"{outcome.skipped:,} skipped"] if outcome.skipped else []
    details = ", ".join([*counts, *([outcome.note] if outcome.note else [])])
    return f"{'FAILED' if outcome.failed else 'ok':<7} {title:<26} {seconds:6.1f} s   {details}".rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
