"""Session `next`: Claude Code 2.0.76.

Several lines per response, parallel calls, a failed test, a failed edit, a commit, an exit, a synthetic message.
"""

from __future__ import annotations

from ingest.sample.notes import close, snapshot, synthetic
from ingest.sample.tools import Tools
from ingest.sample.transcript import Record, Thinking, Transcript, Usage
from ingest.sample.world import CWD, OPUS, World, utc

PROGRAM = "tidebook.py"

LOOP = '''def next_high(tides, after):
    """The first high water after a moment, or None when the table ends before it."""
    for tide in tides:
        if tide[1] == "high" and tide[0] > after:
            return tide
    return None
'''

LOOP_BODY = """    for tide in tides:
        if tide[1] == "high" and tide[0] > after:
            return tide
    return None
"""

LOOP_MISREMEMBERED = """    for time, kind, height in tides:
        if kind == "high" and time > after:
            return time
"""

EARLIEST = """    coming = [tide for tide in tides if tide[1] == "high" and tide[0] > after]
    return min(coming, default=None)
"""

MAIN_OLD = """    parser.add_argument("--table", type=Path, default=TABLE)
    args = parser.parse_args(argv)
    for tide in load(args.table):
        print(show(tide))
"""

MAIN_NEW = """    parser.add_argument("command", nargs="?", choices=["table", "next"], default="table")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--at", type=datetime.fromisoformat, default=None, help="instead of now")
    args = parser.parse_args(argv)
    tides = load(args.table)
    if args.command == "next":
        found = next_high(tides, args.at or datetime.now())
        print(show(found) if found else "The table ends before the next high water.")
        return
    for tide in tides:
        print(show(tide))
"""

TEST = """from datetime import datetime

from tidebook import TABLE, load, next_high


def test_next_high_water_is_the_earliest_one_in_any_row_order():
    found = next_high(load(TABLE), datetime(2026, 1, 7, 6, 0))
    assert found[0] == datetime(2026, 1, 7, 10, 52)


def test_no_high_water_after_the_end_of_the_table():
    assert next_high(load(TABLE), datetime(2027, 1, 1)) is None
"""

FAILURE = """F.                                                                       [100%]
=================================== FAILURES ===================================
_________ test_next_high_water_is_the_earliest_one_in_any_row_order _________

    def test_next_high_water_is_the_earliest_one_in_any_row_order():
        found = next_high(load(TABLE), datetime(2026, 1, 7, 6, 0))
>       assert found[0] == datetime(2026, 1, 7, 10, 52)
E       assert datetime.datetime(2026, 1, 7, 23, 14) == datetime.datetime(2026, 1, 7, 10, 52)

tests/test_tidebook.py:8: AssertionError
1 failed, 1 passed in 0.03s"""

COMMIT = """feat: print the next high water

The rows of the table are in no particular order, so the earliest
coming high water is searched for instead of the first one met.

Co-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>"""


def tell(world: World) -> list[Record]:
    """Returns the records that the later fork copies: everything before the order to commit."""
    me, tools = world.session(
        Transcript("next", CWD, "2.0.76", OPUS, utc("2026-01-07 09:02:11"), slug="patient-drifting-heron")
    )
    snapshot(me)
    me.prompt(
        "tidebook always prints the whole table. I want `tidebook next`: only the next high water, from now on "
        "unless I give --at. Please add a test as well."
    )
    _read_and_write(me, tools)
    _test_and_repair(me, tools)
    copied_later = list(me.records)

    me.prompt("Looks right. Commit it.", 95)
    me.respond(
        Usage(6, 210, 0, 17_760, 214),
        "I'll commit the function and its test together.",
        tools.commit(COMMIT, "Commit the next command"),
    )
    me.respond(Usage(3, 320, 0, 17_970, 57), "Committed. `tidebook next` is on main, with two tests.")
    close(me, "See you at the quay!")
    synthetic(me)
    return copied_later


def _read_and_write(me: Transcript, tools: Tools) -> None:
    me.respond(
        Usage(10, 14_200, 0, 0, 142),
        Thinking("A new subcommand. I need to see how rows are loaded, and what the table looks like, before I write."),
        "Let me look at the program and the table first.",
        tools.read(PROGRAM),
        tools.read("data/harbour.csv"),
    )
    anchor = "def main(argv=None):\n"
    me.respond(
        Usage(8, 1_650, 0, 14_200, 410),
        "The function first, then the command line.",
        tools.edit(PROGRAM, anchor, f"{LOOP}\n\n{anchor}"),
        tools.edit(PROGRAM, MAIN_OLD, MAIN_NEW),
    )
    snapshot(me, PROGRAM)
    me.respond(Usage(6, 520, 0, 15_850, 365), tools.write("tests/test_tidebook.py", TEST))


def _test_and_repair(me: Transcript, tools: Tools) -> None:
    me.respond(Usage(6, 430, 0, 16_370, 96), tools.tests(FAILURE, code=1))
    me.respond(
        Usage(5, 310, 0, 16_800, 188),
        Thinking("Row two is the evening tide: the table is not sorted. The first match is not the earliest."),
        "The test is right: the table is not in order of time, so the first match is not the earliest one.",
        tools.edit(PROGRAM, LOOP_MISREMEMBERED, EARLIEST),
    )
    me.respond(
        Usage(5, 240, 0, 17_110, 176),
        "I quoted the loop wrongly. Again, with the text as it stands in the file.",
        tools.edit(PROGRAM, LOOP_BODY, EARLIEST),
    )
    me.respond(Usage(5, 260, 0, 17_350, 88), tools.tests("..\n2 passed in 0.02s"))
    me.respond(
        Usage(4, 150, 0, 17_610, 121),
        "`tidebook next` prints the next high water, and `--at 2026-01-07T06:00` asks for another moment. The rows of "
        "the table may stand in any order. Both tests pass.",
    )
