"""Session `chart`: Claude Code 2.1.210, on Windows.

One drive in two cases, a picture that makes a line of two megabytes, a model without a price, a branch that becomes one
commit on main.
"""

from __future__ import annotations

from ingest.sample.notes import end_of_turn, snapshot
from ingest.sample.program import picture
from ingest.sample.repository import ROSA_IN_SUMMER
from ingest.sample.tools import Tools
from ingest.sample.transcript import Thinking, Transcript, Usage, stamp
from ingest.sample.world import LATER_SONNET, ROSAS_CWD, ROSAS_CWD_AGAIN, World, utc

BRANCH = "feature/chart"
MODULE, TESTS = "tidebook/chart.py", "tests/test_chart.py"
RUN_TESTS = f"python -m pytest -q {TESTS}"
POSTER = r"C:\Users\rosa\Pictures\poster.png"
# A model of the house's own, to which its gateway gives what has pictures in it.
PICTURES_MODEL = "quay-vision-1"

CHART = '''"""The tides as a curve of plain characters: `python -m tidebook.chart`."""

from tidebook.cli import TABLE, load

WIDTH = 40


def bar(tide, highest):
    time, _, height = tide
    return f"{time:%H:%M} " + "~" * round(WIDTH * height / highest)


def chart(tides):
    highest = max(height for _, _, height in tides)
    return "\\n".join(bar(tide, highest) for tide in tides)


def main():
    print(chart(load(TABLE)))


if __name__ == "__main__":
    main()
'''

JOIN_OLD = '    return "\\n".join(bar(tide, highest) for tide in tides)\n'
JOIN_NEW = '    return "\\n".join(bar(tide, highest) for tide in sorted(tides))\n'

TEST = """from datetime import datetime

from tidebook.chart import WIDTH, chart

DAY = [(datetime(2026, 1, 7, 23, 14), "high", 4.02), (datetime(2026, 1, 7, 10, 52), "high", 4.11)]


def test_the_highest_water_is_as_wide_as_the_curve():
    assert f"10:52 {'~' * WIDTH}" in chart(DAY)
"""

TEST_OLD = """    assert f"10:52 {'~' * WIDTH}" in chart(DAY)\n"""
TEST_NEW = (
    TEST_OLD
    + """

def test_rows_are_in_order_of_time():
    assert [row[:5] for row in chart(DAY).splitlines()] == ["10:52", "23:14"]
"""
)

COMMIT = """feat: the tides as a curve

Plain characters, as wide as the highest water.

Co-Authored-By: Claude Sonnet 4.6 <noreply@anthropic.com>"""

COMMIT_ORDER = """fix: the rows of the curve in order of time

Co-Authored-By: Claude Sonnet 4.6 <noreply@anthropic.com>"""

SQUASHED = """feat: the tides as a curve (#2)

* feat: the tides as a curve
* fix: the rows of the curve in order of time

Co-Authored-By: Claude Sonnet 4.6 <noreply@anthropic.com>
"""

PULL_REQUEST = "https://github.com/example/tidebook/pull/2"


def tell(world: World) -> None:
    begun = utc("2026-07-12 14:02:30")
    world.repository.git("checkout", "--quiet", "-b", BRANCH, at=begun)
    me, tools = world.session(
        Transcript("chart", ROSAS_CWD, "2.1.210", LATER_SONNET, begun, branch=BRANCH, entrypoint="cli")
    )
    me.line({"type": "mode", "mode": "normal", "sessionId": me.session_id})
    snapshot(me)
    _draw(me, tools)
    # The same directory, opened from the editor: it writes the drive small.
    me.cwd, me.entrypoint = ROSAS_CWD_AGAIN, "claude-desktop"
    _sort(me, Tools(world.repository, me.cwd))
    _look_at_the_poster(me, tools)
    _pull_request(me, tools)
    world.repository.push(BRANCH)
    world.repository.git("checkout", "--quiet", "main", at=utc("2026-07-13 06:40:00"))
    world.repository.merge_squashed(BRANCH, SQUASHED, utc("2026-07-13 06:41:19"), ROSA_IN_SUMMER)
    world.repository.git("branch", "--quiet", "-D", BRANCH)


def _draw(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "Draw the tides as a curve: `python -m tidebook.chart`, plain characters, no library. Test it and commit it on "
        "this branch.",
        25,
    )
    me.respond(Usage(12, 0, 18_200, 0, 118), Thinking("How does the table come in?"), tools.read("tidebook/cli.py"))
    me.respond(Usage(6, 0, 1_540, 18_200, 421), tools.write(MODULE, CHART), tools.write(TESTS, TEST))
    me.respond(Usage(5, 0, 610, 19_740, 66), tools.bash(RUN_TESTS, "Run the new test", ".\n1 passed in 0.02s"))
    me.respond(Usage(5, 0, 170, 20_350, 128), tools.commit(COMMIT, "Commit the curve", person=ROSA_IN_SUMMER))
    me.respond(Usage(3, 0, 210, 20_520, 37), f"Committed on {BRANCH}: a row per tide, as wide as it is high.")
    end_of_turn(me, 31_900)


def _sort(me: Transcript, tools: Tools) -> None:
    me.prompt("That's wrong: the evening tide stands above the morning one. Sort the rows by time.", 300)
    me.respond(
        Usage(6, 0, 190, 20_730, 141),
        tools.edit(MODULE, JOIN_OLD, JOIN_NEW),
        tools.edit(TESTS, TEST_OLD, TEST_NEW),
    )
    me.respond(Usage(5, 0, 280, 20_920, 65), tools.bash(RUN_TESTS, "Run the new tests", "..\n2 passed in 0.02s"))
    me.respond(Usage(5, 0, 160, 21_200, 119), tools.commit(COMMIT_ORDER, "Commit the order", person=ROSA_IN_SUMMER))
    me.respond(Usage(3, 0, 190, 21_360, 30), "The rows are in order of time, and a test says so.")
    end_of_turn(me, 17_300)


def _look_at_the_poster(me: Transcript, tools: Tools) -> None:
    me.prompt(f"Good. Is our highest water where the poster has it? It's {POSTER}", 90)
    me.respond(Usage(940, 0, 0, 0, 58), tools.look(POSTER, picture(512)), model=PICTURES_MODEL)
    me.respond(
        Usage(2_410, 0, 0, 0, 44),
        "Yes: 10:52 on the seventh is the longest row here and the highest on the poster.",
        model=PICTURES_MODEL,
    )
    end_of_turn(me, 9_900)


def _pull_request(me: Transcript, tools: Tools) -> None:
    me.prompt("Great, thanks. Push it and open a pull request.", 40)
    me.respond(
        Usage(5, 0, 1_900, 21_550, 97),
        tools.bash(
            f"git push -u origin {BRANCH} && gh pr create --fill",
            "Push and open a pull request",
            f"branch '{BRANCH}' set up to track 'origin/{BRANCH}'.\n{PULL_REQUEST}",
        ),
    )
    me.line(
        {
            "type": "pr-link",
            "sessionId": me.session_id,
            "prNumber": 2,
            "prUrl": PULL_REQUEST,
            "prRepository": "example/tidebook",
            "timestamp": stamp(me.at),
        }
    )
    me.respond(Usage(3, 0, 240, 23_450, 33), f"The pull request is open: {PULL_REQUEST}")
    end_of_turn(me, 10_700)
    me.line({"type": "ai-title", "sessionId": me.session_id, "aiTitle": "The tides as a curve"})
