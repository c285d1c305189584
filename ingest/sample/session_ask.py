"""Sessions `ask` and `again`: Claude Code 2.1.12.

A question, and the same session opened a second time under another id and closed at once: neither of the two files has
a record that the other has not.
"""

from __future__ import annotations

from ingest.sample.notes import end_of_turn
from ingest.sample.transcript import Transcript, Usage
from ingest.sample.world import CWD, SONNET, World, utc


def tell(world: World) -> None:
    begun = utc("2026-01-20 12:31:04")
    me, _ = world.session(Transcript("ask", CWD, "2.1.12", SONNET, begun, slug="quiet-asking-tern"))
    me.prompt("What does chart datum mean in our README, in one sentence?", 20)
    me.respond(
        Usage(10, 14_100, 0, 0, 68),
        "It is the level that the heights count from: about the lowest water that the tides alone bring.",
    )
    end_of_turn(me, 4_100)
    again, _ = world.session(Transcript("again", CWD, me.version, SONNET, me.at, slug=me.slug))
    again.line({"type": "summary", "summary": "Chart datum", "leafUuid": me.parent})
    again.copy_from(me.records, forked_from=False)
