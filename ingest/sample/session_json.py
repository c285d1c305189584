"""Session `json`: Claude Code 2.1.110.

A fork of `feet` with `forkedFrom`, one copy without its `requestId`, a subagent file, attachments, a prompt typed while
the agent worked, titles, an unknown record type, bytes that are not UTF-8, planted secrets, a large tool output.
"""

from __future__ import annotations

from ingest.sample.notes import end_of_turn, local_command, queued_prompt, snapshot
from ingest.sample.repository import SAM_IN_SUMMER
from ingest.sample.secrets import planted_secrets
from ingest.sample.subagents import readers_agent
from ingest.sample.tools import Tools
from ingest.sample.transcript import Call, Record, Result, Thinking, Transcript, Usage
from ingest.sample.world import CWD, SONNET, World, utc

CLI = "tidebook/cli.py"

IMPORT_OLD = "import csv\n"
IMPORT_NEW = "import csv\nimport json\n"

OPTION_OLD = '    parser.add_argument("--units", choices=["m", "ft"], default="m")\n'
OPTION_NEW = OPTION_OLD + '    parser.add_argument("--json", action="store_true", help="one object per tide")\n'

RENDER_OLD = "def next_high(tides, after):\n"
RENDER_NEW = '''def as_json(tide):
    """One tide as a line of JSON. Heights stay in metres: the unit is in the key."""
    time, kind, height = tide
    return json.dumps({"time": time.isoformat(timespec="minutes"), "kind": kind, "height_m": height})


def next_high(tides, after):
'''

PRINT_OLD = "        print(show(tide, args.units))\n"
PRINT_NEW = "        print(as_json(tide) if args.json else show(tide, args.units))\n"

TEST_OLD = "from tidebook.cli import TABLE, load, next_high, show\n"
TEST_NEW = "from tidebook.cli import TABLE, as_json, load, next_high, show\n"
TEST_END = '"high", 4.11), "ft").endswith("13.48 ft")\n'
TEST_JSON = (
    TEST_END
    + """

def test_json_names_the_unit_in_the_key():
    line = as_json((datetime(2026, 1, 7, 10, 52), "high", 4.11))
    assert line == '{"time": "2026-01-07T10:52", "kind": "high", "height_m": 4.11}'
"""
)

COMMIT = """feat: write the table as JSON

One object per tide and line, so that the boathouse display can read it.

Co-Authored-By: Claude Sonnet 4.5 <noreply@anthropic.com>"""


def tell(world: World, copied: list[Record]) -> None:
    me, tools = world.session(Transcript("json", CWD, "2.1.110", SONNET, utc("2026-04-16 07:58:40"), entrypoint="cli"))
    me.line({"type": "permission-mode", "permissionMode": "default", "sessionId": me.session_id})
    me.copy_from(_without_one_request_id(copied), forked_from=True)
    snapshot(me)
    _write(world, me, tools)
    _look_at_the_network(world, me, tools)
    _commit(me, tools)
    _close(me)


def _without_one_request_id(records: list[Record]) -> list[Record]:
    """Copies sometimes lose it: whoever counts a response by message and request counts this one twice."""
    lost = next(index for index, record in enumerate(records) if "requestId" in record)
    bare = {key: value for key, value in records[lost].items() if key != "requestId"}
    return [*records[:lost], bare, *records[lost + 1 :]]


def _write(world: World, me: Transcript, tools: Tools) -> None:
    me.prompt(
        "The boathouse has a display now that can read JSON. Add `--json` to the table. Check first whether anything "
        "already reads our printed table.",
        60,
    )
    me.attachment(
        {
            "type": "hook_success",
            "hookName": "UserPromptSubmit",
            "hookEvent": "UserPromptSubmit",
            "toolUseID": me.next_uuid(),
            "content": "",
            "stdout": "",
            "stderr": "",
            "exitCode": 0,
        }
    )
    me.respond(Usage(14, 0, 8_100, 0, 264), Thinking("Search, then write."), readers_agent(world, me))
    me.respond(
        Usage(6, 640, 0, 8_100, 455),
        "Nothing else reads the table, so I only add an option.",
        tools.edit(CLI, IMPORT_OLD, IMPORT_NEW),
        tools.edit(CLI, OPTION_OLD, OPTION_NEW),
        tools.edit(CLI, RENDER_OLD, RENDER_NEW),
        tools.edit(CLI, PRINT_OLD, PRINT_NEW),
    )
    queued_prompt(me, "Keep heights in metres in the JSON, whatever --units says.")
    me.respond(
        Usage(5, 310, 0, 8_740, 287),
        "They stay in metres, and the key says so: `height_m`. A test fixes that.",
        tools.edit("tests/test_tidebook.py", TEST_OLD, TEST_NEW),
        tools.edit("tests/test_tidebook.py", TEST_END, TEST_JSON),
    )
    me.respond(Usage(5, 270, 0, 9_050, 81), tools.tests("..........\n10 passed in 0.06s"))
    me.respond(Usage(4, 160, 0, 9_320, 96), "`--json` prints one object per tide. Ten tests pass.")
    end_of_turn(me, 38_150)


def _look_at_the_network(world: World, me: Transcript, tools: Tools) -> None:
    key, token = planted_secrets()
    me.prompt("The display still shows yesterday's table. Can you see why?", 240)
    # One byte of the answer is Latin-1: the line is not UTF-8, but becomes JSON again once the byte is replaced.
    me.respond(Usage(7, 0, 420, 9_480, 118), "I'll look at the display's settings.", _settings(tools, key))
    me.lines[-1] = me.lines[-1].replace("Môle".encode(), "Môle".encode("latin-1"))
    me.respond(Usage(5, 380, 0, 9_900, 92), _log(world, me, tools, token))
    me.line({"type": "quay-latch", "sessionId": me.session_id, "latch": "closed"})
    me.respond(
        Usage(4, 210, 0, 10_280, 139),
        "The display fetches at noon only: DISPLAY_FETCH is 12:00, and the log shows one transfer a day. The key in "
        "that file is readable for everybody on the machine, by the way; I'd change it and close the file.",
    )
    end_of_turn(me, 22_900)


def _settings(tools: Tools, key: str) -> Call:
    output = f"DISPLAY_NAME=Môle\nDISPLAY_FETCH=12:00\nAWS_ACCESS_KEY_ID={key}"
    return tools.bash("cat /etc/boathouse/display.env", "Show the display's settings", output)


def _log(world: World, me: Transcript, tools: Tools, token: str) -> Call:
    rows = [f"2026-04-{day:02d}T12:00:{day % 60:02d} transfer tides.json ok 412 bytes" for day in range(1, 16)] * 40
    rows.insert(300, f"2026-04-01T12:00:09 retry with header authorization: token {token}")
    whole = "\n".join(rows) + "\n"

    def run(transcript: Transcript) -> Result:
        path = world.tool_result(me, "bq3v8x1kd", whole.encode())
        size = f"{len(whole) / 1024:.1f}KB"
        shown = f"Output too large ({size}). Full output saved to: {path}\n\nPreview (first 2KB):\n{whole[:400]}...\n"
        detail = {
            "stdout": whole[:400],
            "stderr": "",
            "interrupted": False,
            "isImage": False,
            "noOutputExpected": False,
            "persistedOutputPath": path,
            "persistedOutputSize": len(whole.encode()),
        }
        return Result(f"<persisted-output>\n{shown}</persisted-output>", detail, False)

    return tools.bash_with("cat /var/log/boathouse/display.log", "Read the display's log", run)


def _commit(me: Transcript, tools: Tools) -> None:
    me.prompt("Right, noon. I'll change both. Commit the JSON part.", 130)
    me.respond(Usage(6, 190, 0, 10_490, 203), tools.commit(COMMIT, "Commit the JSON output", person=SAM_IN_SUMMER))
    me.respond(Usage(3, 240, 0, 10_680, 52), "Committed on main.")
    end_of_turn(me, 6_020)


def _close(me: Transcript) -> None:
    me.line({"type": "ai-title", "sessionId": me.session_id, "aiTitle": "Add JSON output for the boathouse display"})
    local_command(me, "rename", "Session renamed to: json-for-the-display", "json-for-the-display")
    me.line({"type": "custom-title", "sessionId": me.session_id, "customTitle": "json-for-the-display"})
    last = {"type": "last-prompt", "lastPrompt": "Right, noon. I'll change both. Commit the JSON part."}
    me.line({**last, "sessionId": me.session_id})
