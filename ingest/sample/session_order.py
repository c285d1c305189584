"""Session `order`: Claude Code 2.0.76.

Messages before the first prompt, a plan that is turned down with a reason and accepted when it comes again, a to-do
list, an edit that the human undoes with a command of their own, a commit message that speaks of tests.
"""

from __future__ import annotations

from ingest.sample.notes import close, local_command, snapshot, typed_command
from ingest.sample.tools import Tools, refused
from ingest.sample.transcript import Thinking, Transcript, Usage
from ingest.sample.world import CWD, OPUS, World, utc

PROGRAM = "tidebook.py"

PLAN_PRINT = """# The table in order of time

1. In `main`, sort the tides before the loop that prints them.
2. No change in `load`, none in `next_high`.
"""

PLAN_LOAD = """# The table in order of time

1. In `load`, sort the rows by time.
2. `next_high` may then take the first match.
"""

LOAD_OLD = """        return [
            (datetime.fromisoformat(row["time"]), row["kind"], float(row["height_m"]))
            for row in csv.DictReader(file)
        ]
"""

LOAD_SORTED = """        return sorted(
            (datetime.fromisoformat(row["time"]), row["kind"], float(row["height_m"]))
            for row in csv.DictReader(file)
        )
"""

HEAD_OLD = "def load(path):\n"
HEAD_NEW = '''def load(path):
    """The rows of a table as (time, kind, metres), in the order of the file."""
'''

COMMIT = """docs: say in load whose order the rows keep

The order of the file is the order of the poster. Nothing else changes,
so pytest has nothing new to say.

Co-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>"""


def tell(world: World) -> None:
    me, tools = world.session(
        Transcript("order", CWD, "2.0.76", OPUS, utc("2026-01-09 18:12:30"), slug="orderly-whistling-curlew")
    )
    local_command(me, "model", f"Set model to {OPUS}", "opus", seconds=2.0)
    snapshot(me)
    _plan(me, tools)
    _sort_and_undo(world, me, tools)
    _document(me, tools)
    close(me, "Fair winds!")


def _plan(me: Transcript, tools: Tools) -> None:
    me.prompt("Make a plan first, please: the table should come out in order of time, whatever order its rows are in.")
    me.respond(
        Usage(9, 14_300, 0, 0, 131),
        "I'll read how rows are loaded and which tables there are.",
        tools.read(PROGRAM),
        tools.glob("**/*.csv", "data/harbour.csv"),
    )
    me.respond(
        Usage(7, 1_420, 0, 14_300, 118),
        refused(
            tools.exit_plan(PLAN_PRINT), "Don't sort where it prints. `next` wants the order too: sort once, in load."
        ),
    )
    me.respond(
        Usage(5, 260, 0, 15_720, 64), "Then `load` sorts, and `next_high` may take the first match. Shall I plan that?"
    )


def _sort_and_undo(world: World, me: Transcript, tools: Tools) -> None:
    me.prompt("Yes, exactly that.", 25)
    me.respond(Usage(6, 180, 0, 15_980, 97), tools.exit_plan(PLAN_LOAD))
    me.respond(
        Usage(6, 220, 0, 16_160, 203),
        tools.todos("Sort in load", "Run the tests"),
        tools.edit(PROGRAM, LOAD_OLD, LOAD_SORTED),
    )
    me.respond(Usage(5, 340, 0, 16_380, 71), tools.tests("..\n2 passed in 0.02s"))
    me.respond(Usage(4, 130, 0, 16_720, 58), "`load` returns the rows in order of time now. Both tests pass.")
    typed_command(me, f"git checkout -- {PROGRAM}", "Updated 1 path from the index", 140.0)
    world.repository.git("checkout", "--quiet", "--", PROGRAM)


def _document(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "I took that out again: Rosa compares the printed table with the poster, row by row. Only say in the docstring "
        "of load that the order is the file's, and commit that.",
        50,
    )
    me.respond(
        Usage(6, 310, 0, 16_850, 142),
        Thinking("The file is back as it was. One docstring, then the commit."),
        tools.edit(PROGRAM, HEAD_OLD, HEAD_NEW),
    )
    me.respond(Usage(5, 240, 0, 17_160, 156), tools.commit(COMMIT, "Commit the docstring"))
    me.respond(Usage(3, 170, 0, 17_400, 31), "Committed: `load` says whose order its rows keep.")
