"""Session `harbours`: Claude Code 2.0.76.

A response that begins on one day and ends on the next, a subagent's file beside the sessions, a log that breaks off in
the middle of its last line.
"""

from __future__ import annotations

from ingest.sample.notes import snapshot
from ingest.sample.subagents import columns_agent
from ingest.sample.transcript import Thinking, Transcript, Usage
from ingest.sample.world import CWD, OPUS, World, utc

MOLE = """time,kind,height_m
2026-01-11T01:34,low,0.93
2026-01-11T07:51,high,3.68
2026-01-11T14:02,low,0.98
2026-01-11T20:20,high,3.61
"""

COMMIT = """feat: the tides of the mole

A second table in the columns of the first: `--table data/mole.csv`.

Co-Authored-By: Claude Opus 4.5 <noreply@anthropic.com>"""


def tell(world: World) -> None:
    me, tools = world.session(
        Transcript("harbours", CWD, "2.0.76", OPUS, utc("2026-01-10 23:58:50"), slug="drowsy-counting-gull")
    )
    snapshot(me)
    me.prompt(
        "The mole has a poster of its own. For the eleventh: low 01:34 0.93, high 07:51 3.68, low 14:02 0.98, high "
        "20:20 3.61. Type it in as data/mole.csv, and have a subagent look first how our table is written.",
        40,
    )
    me.respond(Usage(9, 13_900, 0, 0, 168), Thinking("Look, then type."), columns_agent(world, me))
    # The first of the two lines is of 10 January, the second of 11 January (UTC; in winter, Sam's clock is an hour on).
    me.respond(
        Usage(7, 940, 0, 13_900, 612),
        "Minutes, no zone, two digits. I'll write the four tides of the eleventh in that form.",
        tools.write("data/mole.csv", MOLE),
    )
    me.respond(Usage(4, 760, 0, 14_840, 49), "The table of the mole is data/mole.csv: four tides of 11 January.")
    me.prompt("Right, and good night. Commit it.", 60)
    me.respond(Usage(6, 120, 0, 15_600, 143), tools.commit(COMMIT, "Commit the table of the mole"))
    me.respond(Usage(3, 210, 0, 15_720, 22), "Committed. Good night!")
    # The lid was closed while this answer was written: usage and uuid of the line are gone.
    me.cut(420)
