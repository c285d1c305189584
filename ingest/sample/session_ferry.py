"""Session `ferry`: Claude Code 2.1.231.

A prompt interrupted at once and sent again, another program's tests (jest), follow-ups in Spanish and Japanese, a
change of place, harsh words inside a quotation, a refused command with a reason, a log that ends before a result.
"""

from __future__ import annotations

from ingest.sample.notes import end_of_turn, interrupt, snapshot
from ingest.sample.repository import SAM_IN_SUMMER
from ingest.sample.tools import Tools, refused, unanswered
from ingest.sample.transcript import Thinking, Transcript, Usage
from ingest.sample.world import CWD, LATER_SONNET, World, utc

BOARD, TESTS = "display/board.js", "display/board.test.js"

SCRIPT = """// What the ferry's board shows, from the lines that `python -m tidebook.cli --json` prints.

function line(tide) {
  return `${tide.time.slice(11)} ${tide.kind} ${tide.height.toFixed(2)} m`;
}

function board(tides, now) {
  return tides.map(line);
}

module.exports = { board };
"""

TEST = """const { board } = require("./board");

const TIDES = [
  { time: "2026-01-07T04:31", kind: "low", height_m: 0.62 },
  { time: "2026-01-07T10:52", kind: "high", height_m: 4.11 },
];

test("a line has time, kind and height", () => {
  expect(board(TIDES, "2026-01-07T06:00")).toContain("10:52 high 4.11 m");
});
"""

FAILED = """FAIL display/board.test.js
  ✕ a line has time, kind and height (3 ms)

    TypeError: Cannot read properties of undefined (reading 'toFixed')

Tests:       1 failed, 1 total
Time:        0.412 s"""

PASSED = """PASS display/board.test.js
  ✓ a line has time, kind and height (2 ms)

Tests:       1 passed, 1 total
Time:        0.398 s"""

HEIGHT_OLD = "  return `${tide.time.slice(11)} ${tide.kind} ${tide.height.toFixed(2)} m`;\n"
HEIGHT_NEW = "  return `${tide.time.slice(11)} ${tide.kind} ${tide.height_m.toFixed(2)} m`;\n"

BOARD_OLD = "  return tides.map(line);\n"
BOARD_NEW = """  const coming = tides.filter((tide) => tide.kind === "high" && tide.time > now);
  const next = coming.map((tide) => tide.time).sort()[0];
  return tides.filter((tide) => tide.time === next).map(line);
"""

README_OLD = "Heights are metres above chart datum, times are local.\n"
README_NEW = README_OLD + "\nThe ferry's board shows the next high water: see `display/board.js`.\n"
HARBOUR_OLD = "which is why the rows are not always in order.\n"
HARBOUR_NEW = HARBOUR_OLD + "\nThe ferry's board shows the next high water of this table: see `display/board.js`.\n"

QUOTED = """The display's log says:

> wrong number of arguments, stop
> failed to open the old socket

That's the ferry company's own script, not ours. The board looks good, commit it."""

COMMIT = """feat: a board for the ferry

The next high water on one line, with a jest test beside it.

Co-Authored-By: Claude Sonnet 4.6 <noreply@anthropic.com>"""


def tell(world: World) -> None:
    me, tools = world.session(
        Transcript("ferry", CWD, "2.1.231", LATER_SONNET, utc("2026-08-08 07:15:50"), entrypoint="cli")
    )
    me.line({"type": "mode", "mode": "normal", "sessionId": me.session_id})
    snapshot(me)
    _write(me, tools)
    _translate(me, tools)
    me.line({"type": "ai-title", "sessionId": me.session_id, "aiTitle": "A board for the ferry"})
    _commit(me, tools)
    _release(me, tools)


def _write(me: Transcript, tools: Tools) -> None:
    me.prompt("Write a board for the fery: a script in display/ that turns our JSON into lines, with a test.", 15)
    interrupt(me, 1.8)
    me.prompt("Write a board for the ferry: a script in display/ that turns our JSON into lines, with a test.", 9)
    me.respond(
        Usage(12, 0, 18_600, 0, 402),
        Thinking("A module and a test beside it."),
        tools.write(BOARD, SCRIPT),
        tools.write(TESTS, TEST),
    )
    me.respond(Usage(6, 0, 820, 18_600, 72), tools.bash("npx jest display", "Run the board's test", FAILED, 1))
    me.respond(
        Usage(6, 0, 360, 19_420, 115),
        "The JSON names the unit in the key: `height_m`.",
        tools.edit(BOARD, HEIGHT_OLD, HEIGHT_NEW),
    )
    me.respond(Usage(5, 0, 210, 19_780, 68), tools.bash("npx jest display", "Run the board's test", PASSED))
    me.respond(Usage(4, 0, 180, 19_990, 45), "The board has one line per tide, and its test passes.")
    end_of_turn(me, 38_800)


def _translate(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "No, así no: en el tablero solo debe salir la próxima pleamar, no toda la tabla. Corrígelo, por favor.", 85
    )
    me.respond(Usage(7, 0, 230, 20_170, 187), tools.edit(BOARD, BOARD_OLD, BOARD_NEW))
    me.respond(Usage(5, 0, 260, 20_400, 70), tools.bash("npx jest display", "Run the board's test", PASSED))
    me.respond(Usage(4, 0, 140, 20_660, 48), "Listo: el tablero muestra solo la próxima pleamar.")
    end_of_turn(me, 19_200)
    me.prompt("いいですね、ありがとう。次は README に一行書いてください。", 60)
    me.respond(Usage(6, 0, 170, 20_800, 104), tools.edit("README.md", README_OLD, README_NEW))
    me.respond(Usage(4, 0, 160, 20_970, 41), "README に一行書きました。")
    end_of_turn(me, 8_700)
    me.prompt("Let's put that line into docs/harbour.md instead; the README is for people who sail.", 40)
    me.respond(
        Usage(6, 0, 190, 21_130, 158),
        tools.restore("README.md", "Put the README back"),
        tools.edit("docs/harbour.md", HARBOUR_OLD, HARBOUR_NEW),
    )
    me.respond(Usage(4, 0, 240, 21_320, 37), "The line stands in docs/harbour.md now.")
    end_of_turn(me, 10_400)


def _commit(me: Transcript, tools: Tools) -> None:
    me.prompt(QUOTED, 150)
    status = f" M docs/harbour.md\n?? {BOARD}\n?? {TESTS}"
    me.respond(Usage(6, 0, 290, 21_560, 63), tools.bash("git status --short", "See what is new", status))
    me.respond(Usage(5, 0, 180, 21_850, 139), tools.commit(COMMIT, "Commit the board", person=SAM_IN_SUMMER))
    me.respond(Usage(3, 0, 260, 22_030, 24), "Committed on main.")
    end_of_turn(me, 9_300)


def _release(me: Transcript, tools: Tools) -> None:
    me.prompt("Next: tag a release, 1.1.", 45)
    me.respond(
        Usage(5, 0, 130, 22_290, 71),
        refused(
            tools.bash("git tag v1.1 && git push --tags", "Tag and push"),
            "Three numbers, v1.1.0. And don't push tags from here.",
        ),
    )
    me.respond(Usage(5, 0, 210, 22_420, 62), tools.bash("git tag v1.1.0", "Tag the release"))
    me.respond(Usage(3, 0, 120, 22_630, 35), "Tagged v1.1.0, here only. Push the tag when you like.")
    end_of_turn(me, 14_600)
    me.prompt("Perfect. Which files would the wheel hold now?", 50)
    me.respond(
        Usage(5, 0, 140, 22_750, 76),
        tools.bash(
            "git ls-files tidebook",
            "List the package",
            "\n".join(f"tidebook/{name}.py" for name in ("__init__", "chart", "cli", "ics", "moon", "surge")),
        ),
    )
    me.respond(Usage(4, 0, 190, 22_890, 59), "The package alone: neither the tests nor the board are part of it.")
    end_of_turn(me, 11_100)
    me.prompt("Run everything once more before I close the lid.", 35)
    me.respond(
        Usage(5, 0, 150, 23_080, 82),
        unanswered(tools.bash("npx jest display && python -m pytest -q", "Run all tests")),
    )
