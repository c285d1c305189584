"""Plans for whole warehouses: sessions that fork and repeat each other, and nights drawn from a seed."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingest.git_history import extract_history
from ingest.redaction import Redactor
from ingest.sample import write_sample
from tests.end_to_end import odd_records, odd_turns
from tests.property import plans

PRICES = "seeds/pricing/model_prices.csv"
VARIABLES = "dbt_project.yml"
# Texts of the dbt project whose change changes rows.
EDITS = (
    plans.Edit(PRICES, ",5,25,", ",50,250,"),
    plans.Edit("seeds/taxonomy/message_kind_rules.csv", "human_prompt,true", "prompt,true"),
    plans.Edit("seeds/taxonomy/action_rules.csv", "10,Edit,,plans,,,plan,", "10,Edit,,plans,,,document,"),
    plans.Edit("seeds/taxonomy/reaction_rules.csv", ",false,1.5,,", ",false,0.1,,"),
    plans.Edit("seeds/taxonomy/tool_error_rules.csv", "user_reject,false", "cancelled,false"),
    plans.Edit("seeds/correlation/evidence_weights.csv", "announced_commit,5.0886", "announced_commit,-5.0886"),
    plans.Edit("models/intermediate/sessions/int_sessions__spans.sql", "with ", "-- edited\nwith "),
)
VARIABLE_EDITS = (
    plans.Edit(VARIABLES, "active_gap_seconds: 300", "active_gap_seconds: 30"),
    plans.Edit(VARIABLES, "context_turns: 3", "context_turns: 1"),
    plans.Edit(VARIABLES, "common_line_families: 20", "common_line_families: 1"),
    plans.Edit(VARIABLES, "published_candidates: 10", "published_candidates: 1"),
    plans.Edit(VARIABLES, "accepted_confidence: 0.6", "accepted_confidence: 0.95"),
    plans.Edit(VARIABLES, "report_timezone: UTC", "report_timezone: Asia/Tokyo"),
)
# Models that cannot be built for one night: what stands below them is left as it was.
BREAKABLE = (
    "models/staging/claude_code/stg_claude_code__records.sql",
    "models/intermediate/records/int_records__counted.sql",
    "models/intermediate/turns/int_records__turns.sql",
    "models/intermediate/correlation/int_correlations__line_matches.sql",
    "models/marts/core/sessions.sql",
)
PARTS: tuple[tuple[str, ...], ...] = (
    ("resource_type:seed", "int_sessions__states", "int_messages__typed", "sessions"),
    ("staging",),
    ("+int_sessions__states",),
    ("marts",),
    ("int_records__counted+",),
    ("int_commits__match_states", "int_correlations__line_matches", "correlations"),
    ("episodes", "turns"),
)


@cache
def sample_files() -> tuple[dict[str, bytes], dict[str, Any]]:
    """The sample's session files by path, and its history as git-metadata.json has it.

    All in one directory; of the session that stands in two, the file of the later name, which is the longer one.
    """
    with TemporaryDirectory() as directory:
        sample = write_sample(Path(directory))
        roots = sorted(path for path in sample.projects.iterdir() if path.is_dir())
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for root in roots
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }
        metadata = Path(directory, "git-metadata.json")
        extract_history(sample.repository, metadata, Redactor.load(bytes(32)))
        return files, json.loads(metadata.read_text(encoding="utf-8"))


def history(count: int) -> bytes:
    """The sample's history as it was after `count` commits."""
    document = sample_files()[1]
    return json.dumps(document | {"commits": document["commits"][:count]}).encode()


def fork(content: bytes, session: str, chance: random.Random, *, is_marked: bool) -> bytes:
    """A session that goes on from some record of another one: its copies, and a few records of its own."""
    records = [record for line in content.splitlines() if (record := parsed(line)) is not None]
    copied = chance.randrange(1, len(records) + 1)
    for record in records[:copied]:
        if is_marked and "uuid" in record:
            record["forkedFrom"] = {"sessionId": record.get("sessionId"), "messageUuid": record["uuid"]}
    records = records[: copied + chance.randrange(4)]
    for number, record in enumerate(records):
        if "sessionId" in record:
            record["sessionId"] = session
        if number >= copied and "uuid" in record:
            record["uuid"] = str(uuid.UUID(int=chance.getrandbits(128)))
    return encoded(records)


def parsed(line: bytes) -> dict[str, Any] | None:
    """The record of a line, None where it is none."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def encoded(lines: Sequence[Any]) -> bytes:
    return b"".join(
        (line if isinstance(line, bytes) else (line if isinstance(line, str) else json.dumps(line)).encode()) + b"\n"
        for line in lines
    )


@cache
def odd_files() -> dict[str, bytes]:
    odd = odd_records.sessions() | odd_turns.turns() | odd_turns.episodes()
    files = {f"{name}.jsonl": encoded(lines) for name, lines in odd.items()}
    for path, (sidecar, lines) in odd_turns.subagents().items():
        files[f"{path}.jsonl"], files[f"{path}.meta.json"] = encoded(lines), json.dumps(sidecar).encode()
    return files


def random_files(chance: random.Random) -> list[plans.File]:
    """The sample in project one with forks of its sessions in both projects, and some odd sessions."""
    files = [plans.File("one", path, content) for path, content in sample_files()[0].items()]
    transcripts = [file for file in files if "/" not in file.path and file.content]
    for number in range(4):
        name = f"{number:08d}-0000-4000-8000-{chance.getrandbits(48):012x}"
        project = chance.choice(plans.PROJECTS)
        content = fork(chance.choice(transcripts).content, name, chance, is_marked=chance.random() < 0.6)
        files.append(plans.File(project, f"{name}.jsonl", content))
    odd = odd_files()
    for path in chance.sample(sorted(path for path in odd if len(odd[path]) < 50_000), 12):
        files.append(plans.File("two", path, odd[path]))
    # the same session in both projects, shorter in one of them
    shared = chance.choice(transcripts)
    files.append(plans.File("two", shared.path, shared.content[: chance.randrange(len(shared.content))]))
    return files


def random_nights(chance: random.Random, files: Sequence[plans.File], *, is_short: bool = False) -> list[plans.Night]:
    """Some nights, the last of them with everything there and everything built.

    `is_short`: three, the second of them with a price and a variable edited, and only a part built.
    """
    count = 2 if is_short else chance.randint(2, 4)
    commits = len(sample_files()[1]["commits"])
    arrivals = {index: chance.choices(range(count), weights=range(count, 0, -1))[0] for index in range(len(files))}
    sizes = {
        index: sorted(chance.randrange(len(file.content) + 1) for _ in range(count)) for index, file in enumerate(files)
    }
    second = chance.randrange(count)
    edited: set[str] = set()
    nights = []
    for night in range(count):
        operations: list[plans.Operation] = [plans.Register("one")] if not night else []
        operations += [plans.Register("two")] if night == second else []
        for index, arrival in arrivals.items():
            if arrival <= night and chance.random() < 0.6:
                operations.append(plans.Grow(index, sizes[index][night], chance.random() < 0.1))
        for project in plans.PROJECTS:
            operations.append(plans.Commits(project, chance.randrange(commits + 1)))
        operations += random_accidents(chance, files)
        operations += random_edits(chance, edited, with_variables=not is_short)
        if is_short and night:
            forced = [EDITS[0], chance.choice(VARIABLE_EDITS)]
            operations += [edit for edit in forced if edit.path not in edited]
        broken = chance.choice(BREAKABLE) if chance.random() < 0.2 and not is_short else None
        if broken:
            operations.append(plans.Edit(broken, "with ", "with nothing as (select error('broken')), "))
        select = chance.choices(((), chance.choice(PARTS), None), weights=(0, 1, 0) if is_short else (6, 4, 1))[0]
        select = select if night else ()
        kills = () if is_short and night else random_kills(chance, is_short=is_short)
        if is_short:
            kills = [kill for kill in kills if kill.what == "sync"]
        nights.append(plans.Night(operations, kills, select, may_fail=True))
        if broken:
            edited.add(broken)
    return [*nights, the_last(chance, files, edited, is_short=is_short)]


def random_accidents(chance: random.Random, files: Sequence[plans.File]) -> list[plans.Operation]:
    """What seldom happens to sources and projects."""
    number = chance.randrange(len(files))
    project = chance.choice(plans.PROJECTS)
    every: list[Callable[[], list[plans.Operation]]] = [
        lambda: [plans.Rewrite(number, chance.randrange(100))],
        lambda: [plans.Rewrite(number, None)],
        lambda: [plans.Rename(number, f"moved/{files[number].path}")],
        lambda: [plans.Rename(number, f"renamed-{number}.jsonl")],
        lambda: [plans.Remove(number)],
        lambda: [plans.MoveDirectory(project)],
        lambda: [plans.MoveDirectory(project, "-home-sam-elsewhere")],
        lambda: [plans.Unregister(project, deletes_archive=chance.random() < 0.3)],
        lambda: [plans.Register(project)],
        lambda: [plans.Exclude(project)],
        lambda: [plans.Include(project)],
    ]
    return [operation for _ in range(chance.randrange(3)) for operation in chance.choice(every)()]


def random_edits(chance: random.Random, edited: set[str], *, with_variables: bool) -> list[plans.Operation]:
    """Edits of files that are as they were, and sometimes the end of an earlier edit."""
    operations: list[plans.Operation] = []
    for path in sorted(edited):
        if chance.random() < 0.4:
            operations.append(plans.Restore(path))
            edited.discard(path)
    choices = EDITS + (VARIABLE_EDITS if with_variables else ())
    for edit in chance.sample(choices, chance.randrange(3)):
        if edit.path not in edited:
            operations.append(edit)
            edited.add(edit.path)
    return operations


def random_kills(chance: random.Random, *, is_short: bool) -> list[plans.Kill]:
    """Of syncs and builds; in short plans of the last build, at one of its statements."""
    kills = []
    if chance.random() < 0.5:
        kills.append(plans.Kill("sync", point=chance.randrange(200)))
    if is_short or chance.random() < 0.4:
        kills.append(plans.Kill("build", point=chance.randrange(100, 1500)))
    if not is_short and chance.random() < 0.3:
        kills.append(plans.Kill("build", seconds=chance.uniform(2, 20)))
    return kills


def the_last(
    chance: random.Random, files: Sequence[plans.File], edited: set[str], *, is_short: bool = False
) -> plans.Night:
    """Everything is there (but for some files that stay removed) and built; some edits stay."""
    night = plans.last_night(files, is_quiet=chance.random() < 0.5)
    gone = {chance.randrange(len(files)) for _ in range(chance.randrange(3))}
    kept = [
        operation
        for operation in night.operations
        if not (isinstance(operation, plans.Grow) and operation.file in gone)
    ]
    ended = [path for path in sorted(edited) if path.endswith(".sql") or (chance.random() < 0.5 and not is_short)]
    commits = [plans.Commits(project, 10**6) for project in plans.PROJECTS]
    return plans.Night([*kept, *map(plans.Restore, ended), *commits], random_kills(chance, is_short=is_short))
