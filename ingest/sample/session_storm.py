"""Session `storm`: Claude Code 2.1.63.

A worktree with a directory of its own, while its beginning stands in the main one's too; a fast response, results
stamped before what they follow, a hook's feedback and a notification in the place of prompts, commits of a bot and of
another person in the meantime, a rebase.
"""

from __future__ import annotations

from dataclasses import replace

from ingest.sample import program
from ingest.sample.notes import bash_progress, end_of_turn, hook_feedback, hook_progress, snapshot, task_notification
from ingest.sample.repository import BOT, ROSA, Repository
from ingest.sample.tools import Tools, bash_result, early
from ingest.sample.transcript import Call, Result, Thinking, Transcript, Usage
from ingest.sample.world import CWD, LATER_OPUS, WORKTREE, World, utc

BRANCH = "feature/storm"
MODULE, TESTS, PAGE = "tidebook/surge.py", "tests/test_surge.py", "docs/surge.md"
CHECKS = "b2f9w6h1d"

SURGE = '''"""How far low pressure lifts the water."""

NORMAL = 1013


def surge(pressure):
    """Metres on top of the table: a centimetre for each hectopascal below the normal pressure."""
    return max(0, NORMAL - pressure) / 100
'''

LONG_NAME = "def test_high_pressure_does_not_lower_the_water_because_the_sluice_is_closed_and_nothing_runs_off():\n"
SHORT_NAME = "def test_high_pressure_does_not_lower_the_water():\n"

TEST = f"""from tidebook.surge import surge


def test_low_pressure_lifts_the_water():
    assert surge(973) == 0.4


{LONG_NAME}    assert surge(1033) == 0
"""

SURGES = """# Surges

Low pressure lifts the water by about a centimetre per hectopascal. Wind does more than that, and is not in our table:
`tidebook/surge.py` says what the barometer alone brings.
"""

COMMIT = """feat: how far low pressure lifts the water

A centimetre per hectopascal below 1013, never below the table.

Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>"""

COMMIT_PAGE = """docs: where the rule for surges comes from

Co-Authored-By: Claude Opus 4.6 <noreply@anthropic.com>"""


def tell(world: World) -> None:
    begun = utc("2026-03-14 09:30:10")
    tree = world.repository.add_worktree("tidebook-storm", BRANCH, begun)
    me, tools = world.session(
        Transcript("storm", WORKTREE, "2.1.63", LATER_OPUS, begun, branch=BRANCH, slug="gusty-leaping-petrel"), tree
    )
    snapshot(me)
    _write(me, tools)
    # The session was begun in the main directory and moved: the file there is no second session.
    world.keep(CWD, me)
    _commit(me, tools)
    _meanwhile(world)
    _rebase(world, me, tree, tools)
    world.repository.leave_worktree(tree, WORKTREE)


def _write(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "In this worktree: `tidebook/surge.py`. Low pressure lifts the water by a centimetre per hectopascal below "
        "1013, high pressure doesn't lower it. With a test for both.",
        60,
    )
    me.respond(
        Usage(11, 0, 14_600, 0, 143, "fast"),
        Thinking("A function and two tests. How do the other modules look?"),
        "I'll look at a module first.",
        tools.read("tidebook/cli.py"),
    )

    def formatted(session: Transcript, tool_id: str) -> None:
        hook_progress(session, "PostToolUse", "PostToolUse:Write", tool_id)

    me.respond(
        Usage(6, 0, 1_130, 14_600, 388),
        early(replace(tools.write(MODULE, SURGE), between=formatted), 0.2),
        tools.write(TESTS, TEST),
    )
    run_tests = tools.bash(f"python -m pytest -q {TESTS}", "Run the new tests", "..\n2 passed in 0.02s")
    me.respond(Usage(5, 0, 520, 15_730, 64), early(replace(run_tests, between=bash_progress), 0.9))
    me.respond(Usage(4, 0, 210, 16_250, 52), "`surge(973)` is 0.4 metres; high pressure changes nothing.")
    hook_feedback(me, f"{TESTS}: line 8 has more than 100 characters")
    me.respond(Usage(5, 0, 160, 16_460, 97), "A shorter name, then.", tools.edit(TESTS, LONG_NAME, SHORT_NAME))
    me.respond(Usage(3, 0, 190, 16_620, 31), "The name of the test is shorter now.")
    end_of_turn(me, 58_200)


def _commit(me: Transcript, tools: Tools) -> None:
    me.prompt(
        "Good. Commit that, and in a second commit say in docs/surge.md where the rule comes from. Push, and watch "
        "the checks.",
        45,
    )
    me.respond(Usage(6, 0, 150, 16_810, 139), tools.commit(COMMIT, "Commit the surge"))
    me.respond(Usage(5, 0, 230, 16_960, 186), tools.write(PAGE, SURGES))
    me.respond(Usage(5, 0, 260, 17_190, 112), tools.commit(COMMIT_PAGE, "Commit the page"))
    me.respond(Usage(5, 0, 210, 17_450, 88), _push(tools))
    me.respond(Usage(5, 0, 170, 17_660, 79), tools.background("gh run watch", "Watch the checks", CHECKS))
    me.respond(Usage(3, 0, 140, 17_830, 40), "Both commits are pushed; the checks are running.")
    end_of_turn(me, 39_600)
    task_notification(me, CHECKS, 'Background command "Watch the checks" completed (exit code 0)', 95)
    me.respond(Usage(4, 0, 180, 17_970, 27), "The checks passed.")
    end_of_turn(me, 2_700)


def _push(tools: Tools) -> Call:
    def run(transcript: Transcript) -> Result:
        tools.repository.push(BRANCH)
        return bash_result(f"To github.com:example/tidebook.git\n * [new branch]      {BRANCH} -> {BRANCH}")

    return tools.bash_with(f"git push -u origin {BRANCH}", "Push the branch", run)


def _meanwhile(world: World) -> None:
    """Main moves on while the session works: nobody but the clock connects these commits with it."""
    world.repository.write("requirements-dev.txt", program.REQUIREMENTS.replace("8.3.3", "8.3.5"))
    world.repository.commit(
        f"build(deps-dev): bump pytest from 8.3.4 to 8.3.5\n\nSigned-off-by: {BOT.name} <{BOT.email}>\n",
        utc("2026-03-14 09:32:47"),
        BOT,
    )
    world.repository.write("docs/harbour.md", program.HARBOUR + "\nThe pilot listens on channel 12.\n")
    world.repository.commit("docs: the channel of the pilot\n", utc("2026-03-14 09:34:02"), ROSA)


def _rebase(world: World, me: Transcript, tree: Repository, tools: Tools) -> None:
    def rebase(transcript: Transcript) -> Result:
        commits = tree.git("rev-list", "--reverse", f"main..{BRANCH}").split()
        tree.git("reset", "--quiet", "--hard", "main", at=transcript.at)
        tree.copy_commits(*commits, at=transcript.at)
        return bash_result(f"Successfully rebased and updated refs/heads/{BRANCH}.")

    def merge(transcript: Transcript) -> Result:
        before, after = (world.repository.git("rev-parse", "--short", name) for name in ("main", BRANCH))
        world.repository.git("merge", "--quiet", "--ff-only", BRANCH, at=transcript.at)
        return bash_result(f"Updating {before}..{after}\nFast-forward\n 3 files changed, 21 insertions(+)")

    me.prompt("main has moved on, Rosa and the bot were there. Rebase on it, then move main forward.", 120)
    me.respond(
        Usage(6, 0, 160, 18_150, 94),
        tools.bash_with("git fetch origin && git rebase origin/main", "Rebase the branch", rebase),
    )
    me.respond(
        Usage(5, 0, 200, 18_310, 91),
        tools.bash_with(f"git -C {CWD} merge --ff-only {BRANCH}", "Move main forward", merge),
    )
    me.respond(Usage(3, 0, 190, 18_510, 36), "Both commits are on main now, on top of the others.")
    end_of_turn(me, 12_400)
