"""However sources come about over the nights, the archive and schema `raw` hold what they held, line for line."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingest.paths import DataDir
from ingest.registry import EXCLUDED, load_projects
from ingest.sample import write_sample
from ingest.sample.secrets import planted_secrets
from ingest.sync import sync
from tests.property import plans
from tests.property.conftest import Memory
from tests.property.world import World, raw_rows

PATHS = (
    "s1.jsonl",
    "s2.jsonl",
    "s1/subagents/agent-a.jsonl",
    "s1/subagents/agent-a.meta.json",
    "agent-b.jsonl",  # where older versions kept subagents: its session stands in its records
    "s2/subagents/workflows/journal.jsonl",
    "s2/tool-results/t1.txt",
)
GROWING_CASES, ANY_CASES, LONG_CASES = 40, 25, 3000


@cache
def sample_lines() -> tuple[bytes, ...]:
    """The shorter lines of the sample, one of each length."""
    with tempfile.TemporaryDirectory() as directory:
        transcripts = sorted(write_sample(Path(directory)).projects.rglob("*.jsonl"))
        lines = {len(line): line for path in transcripts for line in path.read_bytes().splitlines() if len(line) < 600}
    return tuple(lines[length] for length in sorted(lines))[::7]


def record(**fields: Any) -> bytes:
    return json.dumps({"type": "user", "timestamp": "2026-01-01T00:00:00Z"} | fields).encode()


KEY_ID, TOKEN = planted_secrets()
ODD_LINES = (
    b"",
    b"   ",
    b"null",
    b"[1, 2]",
    b'{"type": "user", "uu',
    b'{"text": "\xff\xfe caf\xe9"}',
    '{"text": "caf\u00e9 \u2603 \U0001f600"}'.encode(),
    b'{"text": "\x00"}',
    record(uuid="u1") + b"\r",
    record(uuid="u1"),
    record(uuid="u1", forkedFrom={"sessionId": "s1", "messageUuid": "u1"}),
    record(uuid="u2", sessionId="s1", isSidechain=True),
    record(uuid="u3", message={"role": "user", "content": f"the key is {KEY_ID}"}),
    record(uuid="u4", toolUseResult=json.dumps({"stdout": f"export TOKEN={TOKEN}"})),
    f'not json, token {TOKEN} and "{KEY_ID}"'.encode(),
    b"-----BEGIN RSA PRIVATE" + b" KEY-----",
    b"-----END RSA PRIVATE" + b" KEY-----",
)
line = st.one_of(st.sampled_from(ODD_LINES), st.deferred(lambda: st.sampled_from(sample_lines())))


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    lines = draw(st.lists(line, max_size=6))
    return b"\n".join(lines) + (b"\n" if lines and draw(st.booleans()) else b"")


@st.composite
def some_files(draw: st.DrawFn) -> list[plans.File]:
    places = draw(st.lists(st.tuples(st.sampled_from(plans.PROJECTS), st.sampled_from(PATHS)), min_size=1, max_size=5))
    return [plans.File(project, path, draw(contents())) for project, path in dict.fromkeys(places)]


def grow(files: list[plans.File], quiet: st.SearchStrategy[bool]) -> st.SearchStrategy[plans.Operation]:
    """Any file, cut at any byte."""
    return st.integers(0, len(files) - 1).flatmap(
        lambda index: st.builds(plans.Grow, st.just(index), st.integers(0, len(files[index].content)), quiet)
    )


def anything(files: list[plans.File]) -> st.SearchStrategy[plans.Operation]:
    number = st.integers(0, len(files) - 1)
    project = st.sampled_from(plans.PROJECTS)
    return st.one_of(
        *[grow(files, st.booleans())] * 4,
        st.builds(plans.Rewrite, number, st.none() | st.integers(0, 5)),
        number.flatmap(
            lambda index: st.builds(
                plans.Rename, st.just(index), st.sampled_from((f"moved/{index}.jsonl", f"renamed-{index}.jsonl"))
            )
        ),
        st.builds(plans.Remove, number),
        st.builds(plans.MoveDirectory, project, st.sampled_from((None, None, "-home-sam-elsewhere"))),
        st.builds(plans.Register, project),
        st.builds(plans.Unregister, project, st.booleans()),
        st.builds(plans.Exclude, project),
        st.builds(plans.Include, project),
    )


def rows(memory: Memory, data: DataDir) -> dict[str, list[tuple[Any, ...]]]:
    return raw_rows(memory.connection(data))


def landed_lines(memory: Memory, data: DataDir) -> dict[tuple[str, str], list[str]]:
    """The lines of every landed file by project and path, in their order."""
    found: dict[tuple[str, str], list[str]] = {}
    for project, path, text in (
        memory.connection(data)
        .execute(
            "select project_id, path, line from raw.session_files left join raw.session_lines using (file_id) "
            "order by project_id, path, line_number"
        )
        .fetchall()
    ):
        found.setdefault((project, path), []).extend([] if text is None else [text])
    return found


def assert_landed_is_archived(memory: Memory, world: World) -> None:
    """Schema `raw` has the lines of the archive and no others, in the words of Python."""
    expected = {}
    included = [project.project_id for project in load_projects(world.data) if project.status != EXCLUDED]
    for path, content in world.archived_files().items():
        _, project, below = path.split("/", 2)
        if project in included and below.endswith(".jsonl") and not below.endswith("journal.jsonl"):
            texts = [text.decode("utf-8", "replace") for text in content.split(b"\n")[:-1]]
            expected[project, below] = texts
    assert landed_lines(memory, world.data) == expected


def assert_landed_anew_is_the_same(memory: Memory, world: World) -> None:
    """A sync without anything new changes no line, and a new database that is filled from the archive has the same."""
    before = rows(memory, world.data)
    other = world.copy_of_data("again")
    sync(world.data)
    sync(other)
    again = rows(memory, world.data)
    assert rows(memory, other) == again
    # the findings of a sync go with it where they stand in no file
    assert {**before, "parse_errors": None} == {**again, "parse_errors": None}


def try_only_growth(memory: Memory, files: list[plans.File], nights: list[list[plans.Operation]], quiet: bool) -> None:
    """Files that are only appended to, in any order over any nights, against one sync of the final state."""
    last = plans.last_night(files, is_quiet=quiet)
    with tempfile.TemporaryDirectory(prefix="ope-property-") as directory:
        world, whole = World(Path(directory, "nights"), files), World(Path(directory, "whole"), files)
        for operations in [*nights, last.operations]:
            for operation in operations:
                world.play(operation)
            world.sync()
        for operation in last.operations:
            whole.play(operation)
        whole.sync()
        assert world.archived_files() == whole.archived_files()
        assert rows(memory, world.data) == rows(memory, whole.data)
        assert_landed_is_archived(memory, world)
        memory.forget()


def try_anything(memory: Memory, files: list[plans.File], nights: list[list[plans.Operation]]) -> None:
    """Whatever happens to sources and projects: no line is lost, and raw is what the archive says."""
    with tempfile.TemporaryDirectory(prefix="ope-property-") as directory:
        world = World(Path(directory, "world"), files)
        for operations in nights:
            for operation in operations:
                world.play(operation)
            if world.sync() is None:
                continue
            assert world.archived_transcripts() == world.expected_transcripts()
        if world.projects:  # without any, no sync ends the last night
            assert_landed_is_archived(memory, world)
            assert_landed_anew_is_the_same(memory, world)
        memory.forget()


def monotonic(files: list[plans.File], nights: list[list[plans.Operation]]) -> list[list[plans.Operation]]:
    """The nights with no file shorter than it was before."""
    sizes = dict.fromkeys(range(len(files)), 0)
    grown = []
    for night in nights:
        kept = []
        for operation in night:
            if isinstance(operation, plans.Grow):
                sizes[operation.file] = max(sizes[operation.file], operation.size)
                operation = plans.Grow(operation.file, sizes[operation.file])
            kept.append(operation)
        grown.append(kept)
    return grown


@st.composite
def growing_plans(draw: st.DrawFn) -> tuple[list[plans.File], list[list[plans.Operation]], bool]:
    files = draw(some_files())
    step = grow(files, st.just(False)) | st.builds(plans.Register, st.sampled_from(plans.PROJECTS))
    nights = draw(st.lists(st.lists(step, max_size=5), max_size=4))
    return files, monotonic(files, nights), draw(st.booleans())


@st.composite
def any_plans(draw: st.DrawFn) -> tuple[list[plans.File], list[list[plans.Operation]]]:
    files = draw(some_files())
    nights = draw(st.lists(st.lists(anything(files), max_size=5), min_size=2, max_size=5))
    return files, [[*map(plans.Register, plans.PROJECTS), *nights[0]], *nights[1:]]


def described(nights: list[list[plans.Operation]]) -> None:
    """Say in hypothesis's statistics what was tried."""
    event(f"nights: {len(nights)}")
    for kind in sorted({type(operation).__name__ for night in nights for operation in night}):
        event(kind)


def cases(count: int) -> settings:
    fixture = HealthCheck.function_scoped_fixture  # it is empty again after every case
    return settings(max_examples=count, deadline=None, suppress_health_check=[fixture, HealthCheck.too_slow])


@cases(GROWING_CASES)
@given(plan=growing_plans())
def test_files_cut_into_appends_are_landed_as_one(memory, plan):
    described(plan[1])
    try_only_growth(memory, *plan)


@cases(ANY_CASES)
@given(plan=any_plans())
def test_no_line_is_lost(memory, plan):
    described(plan[1])
    try_anything(memory, *plan)


@pytest.mark.long
@settings(cases(LONG_CASES), derandomize=False, print_blob=True)
@given(plan=growing_plans())
def test_files_cut_into_appends_are_landed_as_one_often(memory, plan):
    try_only_growth(memory, *plan)


@pytest.mark.long
@settings(cases(LONG_CASES), derandomize=False, print_blob=True)
@given(plan=any_plans())
def test_no_line_is_lost_often(memory, plan):
    try_anything(memory, *plan)
