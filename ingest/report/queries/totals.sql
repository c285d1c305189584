-- What is in the report, each number from the table that owns it.
with usage as (

    select
        count(*) as api_responses,
        coalesce(sum(total_tokens), 0) as tokens,
        coalesce(sum(output_tokens), 0) as output_tokens,
        sum(cost_usd) as cost_usd,
        count(*) filter (where not is_final) as not_final,
        count(*) filter (where not is_priced) as unpriced,
        count(distinct model) filter (where not is_priced) as unpriced_models
    from token_usage

),

calls as (

    select
        count(*) as tool_calls,
        count(*) filter (where is_error) as tool_errors
    from tool_calls

),

work as (

    select
        count(*) filter (where not is_subagent) as sessions,
        count(*) filter (where is_subagent) as subagents,
        coalesce(sum(active_seconds) filter (where not is_subagent), 0) as active_seconds,
        min(started_at) filter (where not is_subagent) as first_at,
        max(coalesce(ended_at, started_at)) filter (where not is_subagent) as last_at
    from sessions

),

asked as (

    select count(*) filter (where turn_index > 0) as turns
    from turns

),

history as (

    select
        count(*) as commits,
        count(*) filter (where linked_session_id is not null) as linked_commits
    from commits

),

line_shares as (

    select
        sum(added_lines) as added_lines,
        sum(agent_lines) as agent_lines,
        sum(unknown_lines) as unknown_lines
    from agent_line_shares

)

select *
from work, asked, calls, usage, history, line_shares
