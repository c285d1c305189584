"""Session `moon`: Claude Code 2.1.42.

An accepted plan handed over to a new session, tests that fail behind a pipe, German follow-ups, a prompt with an image,
a pasted failure, a slash command of the project, a subagent's calls in a later turn, a numbered choice, a compaction in
the middle of a turn.
"""

from __future__ import annotations

import base64

from ingest.sample.notes import compaction, custom_command, end_of_turn, snapshot
from ingest.sample.program import picture
from ingest.sample.subagents import review_agent
from ingest.sample.tools import Tools
from ingest.sample.transcript import Thinking, Transcript, Usage
from ingest.sample.world import CWD, LATER_OPUS, World, utc

MODULE, TESTS = "tidebook/moon.py", "tests/test_moon.py"
RUN_TESTS = f"cd {CWD} && PYTHONPATH=. uv run pytest -q {TESTS} | tail -5"
ON_OLD_PYTHON = f"PYTHONPATH=. python3.10 -m pytest -q {TESTS}"

PLAN = """# The age of the moon

## Context
Spring tides come a day or two after new and full moon. Knowing the moon's age is enough to see them coming.

## Steps
1. `tidebook/moon.py` with `age(at)`: days since the last new moon, by the mean month.
2. `python -m tidebook.moon 2026-01-03` prints it.
3. A test with a full moon that is known.
"""

MOON = '''"""The age of the moon, from the mean month."""

import sys
from datetime import datetime, timezone

NEW_MOON = datetime(2000, 1, 6, tzinfo=timezone.utc)
MONTH = 29.530588853


def age(at):
    """Days since the last new moon."""
    return (at - NEW_MOON).seconds / 86400 % MONTH


def main(argv=None):
    day = datetime.fromisoformat((argv or sys.argv[1:])[0])
    print(f"{age(day.replace(tzinfo=timezone.utc)):.1f} days")


if __name__ == "__main__":
    main()
'''

TEST = """from datetime import datetime, timezone

from tidebook.moon import MONTH, age

FULL = datetime(2026, 1, 3, 10, 3, tzinfo=timezone.utc)


def test_full_moon_is_in_the_middle_of_the_month():
    assert 13 < age(FULL) < 16


def test_age_is_less_than_a_month():
    assert 0 <= age(FULL) < MONTH
"""

FAILED = """>       assert 13 < age(FULL) < 16
E       assert 13 < 0.41875

FAILED tests/test_moon.py::test_full_moon_is_in_the_middle_of_the_month
1 failed, 1 passed in 0.03s"""

AGE_OLD = "    return (at - NEW_MOON).seconds / 86400 % MONTH\n"
AGE_NEW = "    return (at - NEW_MOON).total_seconds() / 86400 % MONTH\n"

EPOCH_OLD = "NEW_MOON = datetime(2000, 1, 6, tzinfo=timezone.utc)\n"
EPOCH_NEW = "NEW_MOON = datetime(2000, 1, 6, 18, 14, tzinfo=timezone.utc)\n"

BOUNDS_OLD = "    assert 13 < age(FULL) < 16\n"
BOUNDS_NEW = "    assert 14 < age(FULL) < 15\n"

SPRING_OLD = "def main(argv=None):\n"
SPRING_NEW = '''def is_spring(at):
    """Whether the tides are springs: up to three days after new or full moon."""
    return age(at) % (MONTH / 2) < 3


def main(argv=None):
'''

PRINT_OLD = '    print(f"{age(day.replace(tzinfo=timezone.utc)):.1f} days")\n'
PRINT_NEW = """    at = day.replace(tzinfo=timezone.utc)
    print(f"{age(at):.1f} days{' *' if is_spring(at) else ''}")
"""

IMPORT_OLD = "from tidebook.moon import MONTH, age\n"
IMPORT_NEW = "from tidebook.moon import MONTH, age, is_spring\n"

END = "    assert 0 <= age(FULL) < MONTH\n"
SPRINGS = (
    END
    + """

def test_springs_follow_the_full_moon():
    assert is_spring(datetime.fromisoformat("2026-01-04T12:00Z"))
    assert not is_spring(datetime.fromisoformat("2026-01-10T12:00Z"))
"""
)

OLD_DAYS = """    assert is_spring(datetime.fromisoformat("2026-01-04T12:00Z"))
    assert not is_spring(datetime.fromisoformat("2026-01-10T12:00Z"))
"""
NEW_DAYS = """    assert is_spring(datetime.fromisoformat("2026-01-04T12:00+00:00"))
    assert not is_spring(datetime.fromisoformat("2026-01-10T12:00+00:00"))
"""

PASTED = """I get this on the boathouse machine:

```
    def test_springs_follow_the_full_moon():
>       assert is_spring(datetime.fromisoformat("2026-01-04T12:00Z"))
E       ValueError: Invalid isoformat string: '2026-01-04T12:00Z'

tests/test_moon.py:17: ValueError
=========================== short test summary info ============================
FAILED tests/test_moon.py::test_springs_follow_the_full_moon - ValueError: In...
1 failed, 2 passed in 0.04s
```

It has Python 3.10."""

OLD_PYTHON_FAILED = """..F                                                                      [100%]
E       ValueError: Invalid isoformat string: '2026-01-04T12:00Z'
FAILED tests/test_moon.py::test_springs_follow_the_full_moon - ValueError: In...
1 failed, 2 passed in 0.04s"""

MAIN_TEST_OLD = "from datetime import datetime, timezone\n\nfrom tidebook.moon import MONTH, age, is_spring\n"
MAIN_TEST_NEW = "from datetime import datetime, timezone\n\nfrom tidebook.moon import MONTH, age, is_spring, main\n"
MAIN_TEST_END = NEW_DAYS
MAIN_TEST = (
    NEW_DAYS
    + """

def test_a_star_marks_springs(capsys):
    main(["2026-01-04"])
    assert capsys.readouterr().out == "14.9 days *\\n"
"""
)

SUMMARY = """This session is being continued from a previous conversation that ran out of context. \
The summary below covers the earlier portion of the conversation.

Summary:
1. Done: `age`, `is_spring`, a star behind spring tides, tests that run on Python 3.10 as well.
2. Current: a test of `main`, the second point of the review. The first one stays as it is.
"""

COMMIT = """feat: the age of the moon, and a star at spring tides

Mean months from a new moon that is known to the minute: good to half a
day, which is enough to see a spring tide coming.

Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>"""


def tell(world: World) -> None:
    me, tools = world.session(
        Transcript("moon", CWD, "2.1.42", LATER_OPUS, utc("2026-02-14 09:05:11"), slug="silver-rolling-lantern")
    )
    snapshot(me)
    _write(me, tools)
    _correct(me, tools)
    _mark_springs(me, tools)
    _review(me, tools)
    _commit(me, tools)


def _write(me: Transcript, tools: Tools) -> None:
    me.prompt(f"Implement the following plan:\n\n{PLAN}", 1, planContent=PLAN)
    me.respond(
        Usage(10, 0, 15_200, 0, 512),
        "The module and its test first.",
        tools.write(MODULE, MOON),
        tools.write(TESTS, TEST),
    )
    me.respond(Usage(6, 0, 890, 15_200, 94), tools.bash(RUN_TESTS, "Run the new tests", FAILED))
    me.respond(
        Usage(6, 0, 310, 16_090, 147),
        Thinking("`seconds` of a difference is what is left of the last day. `total_seconds` was meant."),
        "`seconds` holds only what is left of the last day.",
        tools.edit(MODULE, AGE_OLD, AGE_NEW),
    )
    me.respond(Usage(5, 0, 280, 16_400, 88), tools.bash(RUN_TESTS, "Run the new tests", "..\n2 passed in 0.02s"))
    me.respond(Usage(4, 0, 150, 16_680, 73), "`python -m tidebook.moon 2026-01-03` prints the age. Two tests pass.")
    end_of_turn(me, 36_800)


def _correct(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "Das Alter stimmt noch nicht: am 3. Januar war um 10 Uhr Vollmond, da sagt dein Programm 15,1 Tage. Ich komme "
        "auf 14,3.",
        210,
    )
    me.respond(
        Usage(6, 0, 240, 16_830, 102),
        "Ich sehe nach, von welchem Neumond gezählt wird.",
        tools.grep("NEW_MOON", f"{MODULE}:6:{EPOCH_OLD.strip()}"),
    )
    me.respond(
        Usage(6, 0, 330, 17_070, 188),
        "Gezählt wird ab Mitternacht, der Neumond war aber erst um 18:14 Uhr.",
        tools.edit(MODULE, EPOCH_OLD, EPOCH_NEW),
        tools.edit(TESTS, BOUNDS_OLD, BOUNDS_NEW),
    )
    me.respond(Usage(5, 0, 260, 17_400, 80), tools.bash(RUN_TESTS, "Run the new tests", "..\n2 passed in 0.02s"))
    me.respond(Usage(4, 0, 140, 17_660, 61), "Jetzt sind es 14,3 Tage, und der Test verlangt es genauer als zuvor.")
    end_of_turn(me, 31_250)


def _mark_springs(me: Transcript, tools: Tools) -> None:
    photo = base64.b64encode(picture()).decode()
    me.prompt(
        [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": photo}},
            {"type": "text", "text": "Passt jetzt, danke. Nun bitte ein Sternchen bei Springtiden, wie auf dem Foto."},
        ],
        95,
        imagePasteIds=[1],
    )
    listed = "tests:\ntest_moon.py\ntest_tidebook.py\n\ntidebook:\n__init__.py\ncli.py\nmoon.py"
    me.respond(Usage(8, 0, 1_650, 17_800, 76), tools.bash("ls tidebook tests", "List both folders", listed))
    me.respond(
        Usage(6, 0, 280, 19_450, 437),
        tools.edit(MODULE, SPRING_OLD, SPRING_NEW),
        tools.edit(MODULE, PRINT_OLD, PRINT_NEW),
        tools.edit(TESTS, IMPORT_OLD, IMPORT_NEW),
        tools.edit(TESTS, END, SPRINGS),
    )
    me.respond(Usage(5, 0, 620, 19_730, 83), tools.bash(RUN_TESTS, "Run the new tests", "...\n3 passed in 0.02s"))
    me.respond(
        Usage(4, 0, 130, 20_350, 55), "Springtiden bekommen ein Sternchen: bis drei Tage nach Neu- und Vollmond."
    )
    end_of_turn(me, 39_400)
    me.prompt(PASTED, 400)
    me.respond(
        Usage(7, 0, 510, 20_480, 124),
        tools.read(TESTS),
        tools.bash(ON_OLD_PYTHON, "Run the tests with Python 3.10", OLD_PYTHON_FAILED, 1),
    )
    me.respond(
        Usage(6, 0, 760, 20_990, 169),
        "Python 3.10 does not read a `Z` at the end of a time.",
        tools.edit(TESTS, OLD_DAYS, NEW_DAYS),
    )
    me.respond(
        Usage(5, 0, 240, 21_750, 86),
        tools.bash(ON_OLD_PYTHON, "Run the tests with Python 3.10", "...\n3 passed in 0.03s"),
    )
    me.respond(Usage(4, 0, 120, 21_990, 47), "Only the test was too new. It passes on 3.10 as well.")
    end_of_turn(me, 28_900)


def _review(me: Transcript, tools: Tools) -> None:
    custom_command(me, "review", MODULE, f"Have {MODULE} reviewed by a subagent. Report at most three points.")
    me.respond(Usage(8, 0, 640, 22_110, 143), review_agent(me))
    me.respond(
        Usage(6, 0, 480, 22_750, 137),
        "Two points:\n\n1. The age may be half a day off, and nothing says so. I'd add it to the docstring.\n"
        "2. `main` has no test. I'd add one with a spring tide.\n\nWhich one shall I do?",
    )
    end_of_turn(me, 24_100)
    me.prompt("2", 40)
    me.respond(
        Usage(6, 0, 260, 23_230, 211),
        tools.edit(TESTS, MAIN_TEST_OLD, MAIN_TEST_NEW),
        tools.edit(TESTS, MAIN_TEST_END, MAIN_TEST),
    )
    compaction(me, "auto", 158_300, SUMMARY, 12.0)
    me.respond(Usage(9, 0, 4_100, 0, 90), tools.bash(RUN_TESTS, "Run the new tests", "....\n4 passed in 0.03s"))
    me.respond(Usage(4, 0, 160, 4_100, 42), "`main` has its test: a star on 4 January. Four tests pass.")
    end_of_turn(me, 26_700)


def _commit(me: Transcript, tools: Tools) -> None:
    me.prompt("Commit it and push.", 35)
    me.respond(Usage(6, 0, 230, 4_260, 178), tools.commit(COMMIT, "Commit the moon"))
    me.respond(
        Usage(5, 0, 310, 4_490, 69),
        tools.bash("git push origin main", "Push", "To github.com:example/tidebook.git\n   main -> main"),
    )
    me.respond(Usage(3, 0, 120, 4_800, 28), "Committed and pushed.")
    end_of_turn(me, 11_300)
    me.prompt("Why is half a day off good enough here?", 65)
    me.respond(
        Usage(6, 0, 190, 4_920, 93),
        tools.fetch(
            "https://tides.example.org/springs",
            "How long after new or full moon do spring tides come?",
            "Spring tides arrive one to two days after new and full moon and last for about three days.",
        ),
    )
    me.respond(
        Usage(4, 0, 350, 5_110, 118),
        "Because springs last for about three days: half a day moves the star by one tide at most.",
    )
    end_of_turn(me, 13_800)
    me.prompt("Makes sense, thanks. That's all for today.", 45)
    me.respond(Usage(3, 0, 160, 5_460, 19), "Until the next spring tide!")
    end_of_turn(me, 2_100)
