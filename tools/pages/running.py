"""Runs the blocks of a page in order, in one world: what each prints, or why it does not work.

A command `python -m ingest …`, or `ope …`, runs in this process as it would in one of its own; of `dbt …` the arguments
are read (the sample was built by it), of `make …` the recipe is asked for. Other programs run as they stand, if they
are among `OTHER_PROGRAMS`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path

from click.testing import CliRunner

from ingest.cli import main as ingest
from ingest.paths import PRODUCT_ROOT
from tools.pages.blocks import Block
from tools.pages.world import World

OTHER_PROGRAMS = frozenset({"duckdb", "git", "jq", "cp", "mkdir", "ln"})
SHELL_SIGNS = frozenset({"|", ">", "<", ">>", ";", "&", "(", ")", "||"})
BIN = Path(sys.executable).parent
MARK = "-- end of a query --"
TYPED = "y\n" * 3
SECONDS = 60


class Failed(Exception):
    """A block does not do what a page says; the message is for whoever wrote the page."""


@dataclass(frozen=True)
class Result:
    """What a block printed, and what is wrong with it (empty: nothing)."""

    output: str
    problem: str = ""


def run_page(blocks: Sequence[Block], world: World) -> dict[Block, Result]:
    """Run all blocks of a page that run, in order. Queries without a command between them are asked at once."""
    results: dict[Block, Result] = {}
    queries: list[Block] = []
    for block in [block for block in blocks if block.runs]:
        if block.note("anew") is not None:
            results |= ask(queries, world)
            queries, world = [], world.another()
        if block.is_query and block.note("first") is None:
            queries.append(block)
            continue
        results |= ask(queries, world)
        queries = []
        try:
            results[block] = Result(world.as_shown(_output(block, world)))
        except Failed as error:
            results[block] = Result("", f"{block.name}: {error}")
    return results | ask(queries, world)


def compared(block: Block, output: str) -> str:
    """An output without what the block's notes say that varies, and without blanks at the ends of lines."""
    for name, pattern in block.shown.notes if block.shown and block.note("output") is None else block.notes:
        if name == "varies":
            output = re.sub(pattern.replace(r"\n", "\n"), "", output, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def _output(block: Block, world: World) -> str:
    world.prepare()
    first = block.note("first")
    if first:
        run_commands(first, world, TYPED, 0)
    if block.is_query:
        result = ask([block], world)[block]
        if result.problem:
            raise Failed(result.problem)
        return result.output
    if block.is_python:
        return run_python(block.text, world)
    command = block.note("output")
    text = f"python -m ingest {command}" if command else block.text
    types = block.note("types")
    typed = TYPED if types is None else "".join(f"{world.meant(word)}\n" for word in types.split())
    code = int((block.note("exits") or "0").split(",")[0])
    return run_commands(text, world, typed, code)


def run_commands(text: str, world: World, typed: str, code: int) -> str:
    """Run the commands of a text, line by line; what the last line printed. `code` is the exit code of the last."""
    world.working = Path()
    lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]
    output = ""
    for number, line in enumerate(lines, start=1):
        for words in simple_commands(line):
            if words:
                output = run_command(words, line, world, typed, code if number == len(lines) else 0)
    return output


def simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a line that are joined by `&&`, each as words; without comments."""
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "#", True
    words: list[str] = []
    for word in lexer:
        if word == "&&":
            yield words
            words = []
        else:
            words.append(word)
    yield words


def run_command(words: list[str], line: str, world: World, typed: str, code: int) -> str:
    """Run one command; its output. Raises Failed where it is unknown or its exit code is another one."""
    environment = dict(world.environment)
    if words[0] == "export":
        words = words[1:]
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        name, value = words.pop(0).split("=", 1)
        environment[name] = world.meant(value)
    if not words:
        world.environment = environment
        return ""
    words = [world.meant(word) for word in words]
    program, arguments = Path(words[0]).name, words[1:]
    if program == "cd":
        world.working = Path(world.working, *arguments)
        if not (world.root / world.working).is_dir():
            raise Failed(f"there is no directory {' '.join(arguments)}")
        return ""
    if program.startswith("python") and arguments[:2] == ["-m", "ingest"]:
        return run_ingest(arguments[2:], environment, world, typed, code)
    if program == "ope":
        return run_ingest(arguments, environment, world, typed, code)
    if program == "dbt":
        read_dbt(arguments)
        return ""
    if program == "make":
        return run_process(["make", "-n", *arguments], environment, PRODUCT_ROOT, code)
    if program not in OTHER_PROGRAMS or not (shutil.which(program) or (BIN / program).exists()):
        raise Failed(f"`{line.strip()}` is not run by tests: say why, <!-- not run: REASON -->")
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    if SHELL_SIGNS & set(words) or "$(" in line or "*" in line:
        shell = line.replace("/mnt/", f"{world.root}/mnt/").replace(".venv/bin/", "")
        return run_process(["sh", "-euc", shell], environment, world.root / world.working, code)
    return run_process([program, *arguments], environment, world.root / world.working, code)


@contextmanager
def working_in(directory: Path) -> Iterator[None]:
    """Make it the working directory for a while."""
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)


def run_ingest(arguments: list[str], environment: dict[str, str], world: World, typed: str, code: int) -> str:
    """Run a command of the program in this process, in the world's directory."""
    unset = {name: None for name in os.environ if name not in environment}
    mask = os.umask(0o077)
    try:
        with working_in(world.root / world.working):
            done = CliRunner().invoke(ingest, arguments, input=typed, env={**environment, **unset})
    finally:
        os.umask(mask)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return checked(["python -m ingest", *arguments], done.exit_code, code, done.output)


def run_process(command: list[str], environment: dict[str, str], directory: Path, code: int) -> str:
    """Run another program, with nothing to read."""
    done = subprocess.run(
        *(command,), cwd=directory, env=environment, stdin=subprocess.DEVNULL, timeout=SECONDS,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    return checked(command, done.returncode, code, done.stdout)


def checked(command: Sequence[str], found: int, meant: int, output: str) -> str:
    if found != meant:
        raise Failed(f"`{' '.join(command)}` ends with {found}, not with {meant}:\n{output[-2000:]}")
    return output


def read_dbt(arguments: list[str]) -> None:
    """Look whether dbt has the command and its options, in its own source: to import it takes seconds."""
    has_command = re.search(rf"^def {re.escape(arguments[0])}\(", dbt_source("main.py"), re.MULTILINE)
    unknown = [word for word in arguments if word.startswith("-") and f'"{word}"' not in dbt_source("params.py")]
    if not has_command or unknown:
        raise Failed(f"dbt does not know `dbt {' '.join(arguments)}`: {', '.join(unknown) or arguments[0]}")


@cache
def dbt_source(name: str) -> str:
    """A file of dbt's command line."""
    spec = importlib.util.find_spec("dbt")
    assert spec and spec.submodule_search_locations
    places = [Path(place, "cli", name) for place in spec.submodule_search_locations]
    return next(place for place in places if place.exists()).read_text(encoding="utf-8")


def run_python(text: str, world: World) -> str:
    """Run Python code in the world's directory; what it prints."""
    printed = StringIO()
    with working_in(world.root), redirect_stdout(printed):
        exec(compile(text, "page", "exec"), {"__name__": "page"})
    return printed.getvalue()


def ask(blocks: Sequence[Block], world: World) -> dict[Block, Result]:
    """What DuckDB's shell prints for each query, asked one after the other by one shell, read-only."""
    if not blocks:
        return {}
    place = world.data if world.is_prepared else world.root
    printed, errors = _shell(blocks, world, place)
    outputs = printed.split(f"{MARK}\n")
    if not errors and len(outputs) == len(blocks) + 1:
        return {block: Result(output) for block, output in zip(blocks, outputs, strict=False)}
    if len(blocks) == 1:
        return {blocks[0]: Result(outputs[0], f"{blocks[0].name}: {errors.strip() or 'no answer'}")}
    results: dict[Block, Result] = {}
    for block in blocks:
        results |= ask([block], world)
    return results


def _shell(blocks: Sequence[Block], world: World, place: Path) -> tuple[str, str]:
    database = world.data / "ope.db" if world.is_prepared else world.database
    commands = [part for block in blocks for part in ("-c", block.text, "-c", f".print '{MARK}'")]
    done = subprocess.run(
        *([str(BIN / "duckdb"), "-readonly", str(database), *commands],), cwd=place, stdin=subprocess.DEVNULL,
        env=os.environ | {"HOME": str(world.root)}, capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    return done.stdout, done.stderr
