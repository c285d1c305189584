"""A session as the marts have it: turns, cost, files, subagents, where it is archived, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from ingest.correlations import rows_of

# What is read, by mart, as in `correlations.NEEDED`.
NEEDED = {
    "sessions": "session_id root_session_id agent subagent_type title first_prompt main_model completeness "
    "last_agent_version active_seconds tool_calls tool_errors interruptions rejections total_tokens cost_usd "
    "total_tokens_with_subagents cost_usd_with_subagents is_priced has_final_tokens",
    "turns": "session_id turn_index kind directive prompt steps tool_errors end_kind started_at "
    "total_tokens_with_subagents cost_usd_with_subagents",
    "episodes": "session_id turn_index reaction_type reaction_confidence",
    "token_usage": "root_session_id model total_tokens cost_usd is_priced is_final",
    "file_touches": "root_session_id path relative_path touch_kind touches",
}


@dataclass(frozen=True)
class Turn:
    """A prompt and what the agent did then; tokens and cost with its subagents. Turn 0 is before the first prompt.

    `reaction` is how the human took it, None for a turn that is no episode.
    """

    turn_index: int
    started_at: datetime | None
    kind: str | None
    directive: str | None
    prompt: str | None
    steps: int | None
    tool_errors: int | None
    total_tokens: int | None
    cost_usd: float | None
    end_kind: str | None
    reaction: str | None
    reaction_confidence: float | None


@dataclass(frozen=True)
class ModelCost:
    """What a model took, subagents included. `cost_usd` is None where it has no price."""

    model: str | None
    responses: int
    total_tokens: int
    cost_usd: float | None


@dataclass(frozen=True)
class TouchedFile:
    """A file and how often it was read, searched, edited and written, by the session or a subagent."""

    path: str
    read: int
    searched: int
    edited: int
    written: int


@dataclass(frozen=True)
class Subagent:
    """A run of a subagent."""

    session_id: str
    subagent_type: str | None
    title: str | None
    tool_calls: int | None
    total_tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True)
class Source:
    """An archived file of the session or a subagent, below the data directory. Of a file with versions each is one."""

    path: str
    session_id: str
    version: int
    lines: int
    bytes: int


@dataclass(frozen=True)
class ReadingProblem:
    """Something that could not be read as it should be, how often, and where first (line None: the whole file)."""

    reason: str
    count: int
    path: str
    line_number: int | None


@dataclass(frozen=True)
class Told:
    """All of that. `redactions` are replaced secrets by rule. `is_lower_bound`: tokens of an old version, or a model
    without a price."""

    agent: str | None
    agent_version: str | None
    main_model: str | None
    completeness: str | None
    active_seconds: float | None
    tool_calls: int | None
    tool_errors: int | None
    interruptions: int | None
    rejections: int | None
    total_tokens: int | None
    cost_usd: float | None
    is_lower_bound: bool
    turns: list[Turn]
    models: list[ModelCost]
    files: list[TouchedFile]
    subagents: list[Subagent]
    sources: list[Source]
    problems: list[ReadingProblem]
    redactions: dict[str, int]


def read_session(connection: duckdb.DuckDBPyConnection, session_id: str) -> tuple[dict[str, Any], Told]:
    """Title, git_branches, started_at and ended_at of a root session, and what else the warehouse knows of it.

    None and a lower bound where it is gone and only a subagent of it is there.
    """
    (row,) = rows_of(
        connection,
        "select coalesce(title, first_prompt) as title, git_branches, started_at, ended_at, agent, "
        "last_agent_version as agent_version, main_model, completeness, active_seconds, tool_calls, tool_errors, "
        "interruptions, rejections, total_tokens_with_subagents as total_tokens, cost_usd_with_subagents as cost_usd, "
        "sessions.session_id is null or not (is_priced and has_final_tokens) as is_lower_bound "
        "from (select ? as session_id) as wanted left join main.sessions as sessions "
        "on wanted.session_id = sessions.session_id",
        [session_id],
    )
    head = {name: row.pop(name) for name in ("title", "git_branches", "started_at", "ended_at")}
    return head, Told(
        **row,
        turns=_turns(connection, session_id),
        models=_models(connection, session_id),
        files=_files(connection, session_id),
        subagents=_subagents(connection, session_id),
        sources=_sources(connection, session_id),
        problems=_problems(connection, session_id),
        redactions=_redactions(connection, session_id),
    )


def _turns(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[Turn]:
    rows = rows_of(
        connection,
        """
        select
            turns.turn_index, turns.started_at, turns.kind, turns.directive, turns.prompt, turns.steps,
            turns.tool_errors, turns.total_tokens_with_subagents as total_tokens,
            turns.cost_usd_with_subagents as cost_usd, turns.end_kind, episodes.reaction_type as reaction,
            episodes.reaction_confidence
        from main.turns as turns
        left join main.episodes as episodes
            on turns.session_id = episodes.session_id and turns.turn_index = episodes.turn_index
        where turns.session_id = ?
        order by turns.turn_index
        """,
        [session_id],
    )
    return [Turn(**row) for row in rows]


def _models(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[ModelCost]:
    rows = rows_of(
        connection,
        "select model, count(*) as responses, cast(sum(total_tokens) as bigint) as total_tokens, "
        "case when bool_and(is_priced) then sum(cost_usd) end as cost_usd from main.token_usage "
        "where root_session_id = ? group by model order by cost_usd desc nulls last, total_tokens desc, model",
        [session_id],
    )
    return [ModelCost(**row) for row in rows]


def _files(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[TouchedFile]:
    kinds = ("read", "searched", "edited", "written")
    counts = ", ".join(
        f"cast(coalesce(sum(touches) filter (where touch_kind = '{kind}'), 0) as bigint) as {kind}" for kind in kinds
    )
    rows = rows_of(
        connection,
        f"select coalesce(relative_path, path) as path, {counts} from main.file_touches where root_session_id = ? "
        "group by 1 order by edited + written desc, read + searched desc, 1",
        [session_id],
    )
    return [TouchedFile(**row) for row in rows]


def _subagents(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[Subagent]:
    rows = rows_of(
        connection,
        "select session_id, subagent_type, coalesce(title, first_prompt) as title, tool_calls, total_tokens, cost_usd "
        "from main.sessions where root_session_id = $1 and session_id != $1 order by started_at nulls last, session_id",
        [session_id],
    )
    return [Subagent(**row) for row in rows]


def _sources(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[Source]:
    rows = rows_of(
        connection,
        "select 'raw/' || project_id || '/' || path as path, session_id, version, lines, bytes from raw.session_files "
        "where split_part(session_id, '/', 1) = ? order by session_id, project_id, version, path",
        [session_id],
    )
    return [Source(**row) for row in rows]


def _problems(connection: duckdb.DuckDBPyConnection, session_id: str) -> list[ReadingProblem]:
    rows = rows_of(
        connection,
        "select errors.reason, count(*) as count, "
        "arg_min('raw/' || errors.project_id || '/' || errors.path, (errors.path, errors.line_number)) as path, "
        "arg_min(errors.line_number, (errors.path, errors.line_number)) as line_number "
        "from raw.parse_errors as errors inner join raw.session_files as files on errors.file_id = files.file_id "
        "where split_part(files.session_id, '/', 1) = ? group by errors.reason order by 2 desc, 1",
        [session_id],
    )
    return [ReadingProblem(**row) for row in rows]


def _redactions(connection: duckdb.DuckDBPyConnection, session_id: str) -> dict[str, int]:
    rows = rows_of(
        connection,
        "select redactions.rule_id, count(*) as count from raw.redactions as redactions "
        "inner join raw.session_files as files on redactions.file_id = files.file_id "
        "where split_part(files.session_id, '/', 1) = ? group by all order by 2 desc, 1",
        [session_id],
    )
    return {row["rule_id"]: row["count"] for row in rows}
