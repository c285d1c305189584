"""Episodes of the sample: their JSON is what docs/episode.schema.json says, and nothing of a turn leaks into its own
observation."""

from __future__ import annotations

import hashlib
import json
import re
import uuid

import pytest
import yaml
from jsonschema import Draft202012Validator

from ingest.paths import PRODUCT_ROOT
from tests.warehouse import WITHOUT_TESTS, Warehouse

SCHEMA = json.loads((PRODUCT_ROOT / "docs/episode.schema.json").read_text(encoding="utf-8"))
VARIABLES = yaml.safe_load((PRODUCT_ROOT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
# Ids of records, sessions, messages, requests and tool calls.
IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:msg|req|toolu)_[0-9A-Za-z]+")


def test_every_episode_is_what_the_schema_says(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query("select episode_id, observation, claude_action, user_reaction from episodes")
    validator = Draft202012Validator(SCHEMA)
    for episode_id, *documents in rows:
        names = ("observation", "claude_action", "user_reaction")
        episode = dict(zip(names, map(json.loads, documents), strict=True))
        assert [error.message for error in validator.iter_errors(episode)] == [], episode_id
    assert len(rows) == sample_warehouse.query("select count(*) from turns where turn_index > 0")[0][0] > 0


def test_every_step_is_what_the_schema_says(sample_warehouse: Warehouse) -> None:
    action = {"$ref": "#/$defs/action", "$defs": SCHEMA["$defs"]}
    rows = sample_warehouse.query("select episode_id, action_index, claude_action from episode_actions")
    for episode_id, action_index, document in rows:
        errors = [error.message for error in Draft202012Validator(action).iter_errors(json.loads(document))]
        assert errors == [], (episode_id, action_index)
    [(calls,)] = sample_warehouse.query(
        "select count(*) from tool_calls where session_id = root_session_id and root_turn_index > 0"
    )
    assert len(rows) == calls > 0


def test_steps_of_an_episode_are_its_actions(sample_warehouse: Warehouse) -> None:
    rows = sample_warehouse.query(
        "select episodes.claude_action, "
        "list(actions.claude_action order by actions.action_index) filter (where actions.episode_id is not null) "
        "from episodes left join episode_actions as actions on episodes.episode_id = actions.episode_id group by all"
    )
    for document, actions in rows:
        told = [(step["tool"], step["action_id"]) for step in json.loads(document)["steps"]]
        single = [json.loads(action) for action in actions or []]
        assert told == [(action["tool"], action["action_id"]) for action in single]


def test_the_context_keeps_to_its_budget(sample_warehouse: Warehouse) -> None:
    for turn_index, document in sample_warehouse.query("select turn_index, observation from episodes"):
        context = json.loads(document)["conversation_context"]
        compact = json.dumps(context, ensure_ascii=False, separators=(",", ":"))
        assert len(compact.encode()) <= VARIABLES["context_bytes"]
        turns = [message["turn_index"] for message in context]
        assert turns == sorted(turns)
        assert all(turn_index - VARIABLES["context_turns"] <= turn < turn_index for turn in turns)


@pytest.fixture(scope="module")
def cut_sessions(sample_warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Observations of sessions that were cut right behind each prompt: (session, turn) → observation.

    Each cut is a session of its own, with ids of its own. A session that shares records with another is left out:
    which of the two counts them would change.
    """
    directory = tmp_path_factory.mktemp("cut")
    prompts = sample_warehouse.query(
        "select turns.session_id, turns.turn_index, messages.line_number from turns "
        "inner join messages on turns.session_id = messages.session_id "
        "and turns.prompt_message_id = messages.message_id "
        "where turns.session_id not in (select root_session_id from intermediate.int_records__owners)"
    )
    cuts = {}
    for session_id, turn_index, line_number in prompts:
        # of a session that stands in two directories, the longer file
        source = max((sample_warehouse.data / "raw").rglob(f"{session_id}.jsonl"), key=lambda path: path.stat().st_size)
        lines = source.read_bytes().decode(errors="surrogateescape").splitlines(keepends=True)[:line_number]
        salt = f"{session_id}/{turn_index}/"
        text = _with_other_ids("".join(lines), salt=salt)
        cut_id = _with_other_ids(session_id, salt=salt)
        target = directory / "sessions" / f"{cut_id}.jsonl"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(text.encode(errors="surrogateescape"))
        cuts[cut_id] = (session_id, turn_index)
    warehouse = Warehouse.make(directory)
    warehouse.ingest("add-project", "--name", "Cut", "--sessions", str(directory / "sessions"))
    warehouse.ingest("sync")
    warehouse.build("--select", "+episodes", *WITHOUT_TESTS)
    rows = warehouse.query(
        "select session_id, turn_index, observation from episodes "
        "qualify row_number() over (partition by session_id order by turn_index desc) = 1"
    )
    assert len(rows) == len(cuts) > 20
    return {(*cuts[cut_id][:1], turn_index): observation for cut_id, turn_index, observation in rows}


def _with_other_ids(text: str, *, salt: str) -> str:
    def other(found: re.Match[str]) -> str:
        digest = hashlib.md5((salt + found[0]).encode(), usedforsecurity=False).hexdigest()
        kind, mark, _ = found[0].partition("_")
        return f"{kind}_{digest}" if mark else str(uuid.UUID(digest))

    return IDS.sub(other, text)


@pytest.mark.long
def test_nothing_of_a_turn_is_in_its_own_observation(
    sample_warehouse: Warehouse, cut_sessions: dict[tuple[str, int], str]
) -> None:
    whole = {
        (session_id, turn_index): observation
        for session_id, turn_index, observation in sample_warehouse.query(
            "select session_id, turn_index, observation from episodes"
        )
    }
    for key, observation in cut_sessions.items():
        assert json.loads(observation) == json.loads(whole[key]), key
