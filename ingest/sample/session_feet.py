"""Session `feet`: Claude Code 2.1.20.

A fork of `next` without `forkedFrom`, one-hour cache writes, a subagent in progress records, a refused tool, an
interrupt, a compaction with rows written again, a glued line, a trailer with blank lines after it, a rename, a pull
request.
"""

from __future__ import annotations

from ingest.sample.notes import compaction, end_of_turn, hook_progress, interrupt, local_command, snapshot
from ingest.sample.subagents import formatting_agent
from ingest.sample.tools import Tools, refused
from ingest.sample.transcript import Record, Thinking, Transcript, Usage, dump, stamp
from ingest.sample.world import CWD, OPUS, SONNET, World, utc

BRANCH = "feature/feet"

SHOW_OLD = """def show(tide):
    time, kind, height = tide
    return f"{time:%Y-%m-%d %H:%M}  {kind:<4}  {height:5.2f} m"
"""

SHOW_NEW = """def show(tide, unit="m"):
    time, kind, height = tide
    shown = height * FEET_PER_METRE if unit == "ft" else height
    return f"{time:%Y-%m-%d %H:%M}  {kind:<4}  {shown:5.2f} {unit}"
"""

TABLE_OLD = 'TABLE = Path(__file__).parent / "data" / "harbour.csv"\n'
FEET = TABLE_OLD + "FEET_PER_METRE = 3.28084\n"

OPTION_OLD = '    parser.add_argument("--at", type=datetime.fromisoformat, default=None, help="instead of now")\n'
OPTION_NEW = OPTION_OLD + '    parser.add_argument("--units", choices=["m", "ft"], default="m")\n'

PRINT_NEXT_OLD = 'print(show(found) if found else "The table ends before the next high water.")'
PRINT_NEXT_NEW = 'print(show(found, args.units) if found else "The table ends before the next high water.")'

PRINT_OLD = "        print(show(tide))\n"
PRINT_NEW = "        print(show(tide, args.units))\n"

TEST_OLD = "from tidebook import TABLE, load, next_high\n"
TEST_NEW = "from tidebook import TABLE, load, next_high, show\n"
TEST_END = "    assert next_high(load(TABLE), datetime(2027, 1, 1)) is None\n"
TEST_FEET = (
    TEST_END
    + """

def test_heights_in_feet_when_asked():
    assert show((datetime(2026, 1, 7, 10, 52), "high", 4.11), "ft").endswith("13.48 ft")
"""
)

SUMMARY = """This session is being continued from a previous conversation that ran out of context. \
The summary below covers the earlier portion of the conversation.

Analysis:
The user keeps a small command line program, tidebook, and asked for the next high water first and for heights in feet
now. Wishes so far: no new dependency for one multiplication; unit tests only, nothing that reaches the network.

Summary:
1. Done: `next_high`, `show(tide, unit)`, the option `--units`, three tests; they pass.
2. Pending: commit on feature/feet, then move the program into a package, then a pull request.
"""

INIT = '"""Tides of one harbour."""\n'
PARENT_NEW = TABLE_OLD.replace(".parent", ".parent.parent")
IMPORT_NEW = "from tidebook.cli import TABLE, load, next_high, show\n"
USAGE_OLD = "    python tidebook.py\n"
USAGE_NEW = "    python -m tidebook.cli\n    python -m tidebook.cli next --units ft\n"

PULL_REQUEST = "https://github.com/example/tidebook/pull/1"


def tell(world: World, copied: list[Record]) -> list[Record]:
    """Returns the records that the next fork copies: from the compaction to the second commit."""
    me, tools = world.session(
        Transcript("feet", CWD, "2.1.20", OPUS, utc("2026-01-28 18:30:02"), branch=BRANCH, slug="salty-humming-lantern")
    )
    world.repository.git("checkout", "--quiet", "-b", BRANCH, at=utc("2026-01-28 18:30:02"))
    me.line({"type": "summary", "summary": "Next high water for tidebook", "leafUuid": copied[-1]["uuid"]})
    me.copy_from(copied, forked_from=False)
    hook_progress(me, "SessionStart", "SessionStart:resume", me.next_uuid())
    snapshot(me)
    again = _ask_and_refuse(me, tools)
    _interrupt(me, tools)
    # A fork walks back from the last record to the first one without a parent: here, to the compaction.
    start = len(me.records)
    _compact(me, again)
    _commit_twice(me, tools)
    copied_later = me.records[start:]
    _pull_request(me, tools)
    return copied_later


def _ask_and_refuse(me: Transcript, tools: Tools) -> list[Record]:
    first = me.prompt(
        "Rosa reads feet, I read metres. Please add `--units ft` for the table and for next. Before you touch "
        "anything, let a subagent find every place that prints a height.",
        45,
    )
    me.respond(Usage(12, 0, 18_900, 0, 233), "I'll have the code searched first.", formatting_agent(me))
    me.respond(
        Usage(7, 0, 1_240, 18_900, 131),
        Thinking("One place formats heights. A units library would be one way, a constant another."),
        "Only `show` formats a height. I'll install a units library for the conversion.",
        refused(
            tools.bash("python -m pip install pint", "Install a units library"),
            "No new dependency for one multiplication. A metre is 3.28084 feet: write that down as a constant.",
        ),
    )
    start = len(me.records)
    me.respond(
        Usage(6, 0, 380, 20_140, 512),
        "Agreed, a constant is enough.",
        tools.edit("tidebook.py", TABLE_OLD, FEET),
        tools.edit("tidebook.py", SHOW_OLD, SHOW_NEW),
        tools.edit("tidebook.py", OPTION_OLD, OPTION_NEW),
    )
    return [first, *me.records[start:]]


def _interrupt(me: Transcript, tools: Tools) -> None:
    me.respond(
        Usage(6, 0, 720, 20_520, 301),
        tools.edit("tidebook.py", PRINT_NEXT_OLD, PRINT_NEXT_NEW),
        tools.edit("tidebook.py", PRINT_OLD, PRINT_NEW),
    )
    me.respond(Usage(5, 0, 350, 21_240, 44), "Next I'll compare our heights with the harbour office's web page.")
    interrupt(me)
    me.prompt("Stop, leave their server alone. A unit test with one known height will do.", 20)
    me.respond(
        Usage(5, 0, 260, 21_590, 248),
        tools.edit("tests/test_tidebook.py", TEST_OLD, TEST_NEW),
        tools.edit("tests/test_tidebook.py", TEST_END, TEST_FEET),
    )
    me.respond(Usage(4, 0, 310, 21_850, 93), tools.tests("...\n3 passed in 0.02s"))
    me.respond(Usage(3, 0, 140, 22_160, 68), "`--units ft` works for the table and for `next`. Three tests pass.")
    end_of_turn(me, 41_380)
    # Two bookkeeping objects in one line: a writer that was cut off before its newline, and the next one.
    waiting = {"type": "queue-operation", "operation": "enqueue", "timestamp": stamp(me.at), "sessionId": me.session_id}
    me.raw(dump({**waiting, "content": "and then commit"}) + dump({**waiting, "operation": "dequeue"}))


def _compact(me: Transcript, again: list[Record]) -> None:
    """A compaction; after it some earlier rows stand in the file once more, byte for byte."""
    compaction(me, "manual", 22_371, SUMMARY, 90.0)
    local_command(me, "compact", "Compacted", seconds=0.0)
    for record in again:
        me.raw(dump(record))


def _commit_twice(me: Transcript, tools: Tools) -> None:
    # Blank lines between the trailers: git's own parser sees only the last of them.
    trailers = f"X-Claude-Session: {me.session_id}\n\n\nCo-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>"
    me.prompt("Commit that. Then move the program into a package `tidebook/`, with a commit of its own.", 30)
    me.respond(
        Usage(9, 0, 5_200, 0, 287),
        tools.commit(
            "feat: heights in feet with --units\n\n"
            "One constant and one argument of `show`; metres stay the default.\n\n" + trailers,
            "Commit the units",
            options="--cleanup=verbatim ",
        ),
    )
    me.respond(
        Usage(6, 0, 410, 5_200, 97),
        "Now the package.",
        tools.move("tidebook.py", "tidebook/cli.py", "Move the program into a package"),
    )
    me.respond(
        Usage(5, 0, 230, 5_610, 398),
        tools.write("tidebook/__init__.py", INIT),
        tools.edit("tidebook/cli.py", TABLE_OLD, PARENT_NEW),
        tools.edit("tests/test_tidebook.py", TEST_NEW, IMPORT_NEW),
        tools.edit("README.md", USAGE_OLD, USAGE_NEW),
    )
    me.respond(Usage(5, 0, 540, 5_840, 72), tools.tests("...\n3 passed in 0.02s"))
    me.respond(
        Usage(4, 0, 190, 6_380, 166),
        tools.commit(
            "refactor: move the program into a package\n\nCo-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>",
            "Commit the move",
        ),
    )


def _pull_request(me: Transcript, tools: Tools) -> None:
    local_command(me, "model", f"Set model to {SONNET}", "sonnet")
    me.prompt("Push it and open a pull request, please.", 25)
    me.respond(
        Usage(11, 0, 6_900, 0, 241),
        tools.bash(
            f"git push -u origin {BRANCH} && gh pr create --fill",
            "Push and open a pull request",
            f"branch '{BRANCH}' set up to track 'origin/{BRANCH}'.\n{PULL_REQUEST}",
        ),
        model=SONNET,
    )
    me.line(
        {
            "type": "pr-link",
            "sessionId": me.session_id,
            "prNumber": 1,
            "prUrl": PULL_REQUEST,
            "prRepository": "example/tidebook",
            "timestamp": stamp(me.at),
        }
    )
    me.respond(Usage(3, 0, 260, 6_900, 64), f"The pull request is open: {PULL_REQUEST}", model=SONNET)
    end_of_turn(me, 19_720)
