{{ config(materialized='incremental') }}

with records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

prompts as (

    select * from {{ ref('int_messages__typed') }}
    where starts_turn and session_id = root_session_id and {{ in_changed_sessions() }}

),

identities as (

    select * from {{ ref('int_sessions__identities') }}
    where {{ in_changed_sessions() }}

),

tool_uses as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type = 'tool_use' and {{ in_changed_sessions() }}

),

-- The main conversation, in the order of the log: a prompt begins the next turn.
own_turns as (

    select
        counted.session_id,
        counted.uuid,
        counted.file_id,
        counted.line_number,
        count(prompts.message_id) over (
            partition by counted.session_id
            order by counted.record_index
        ) as turn_index

    from counted
    left join prompts
        on counted.file_id = prompts.file_id
        and counted.line_number = prompts.line_number
    where counted.session_id = counted.root_session_id

),

-- In an older version of a file, the same record stands where it stands in the current one.
turns_of_records as (

    select
        session_id,
        uuid,
        min(turn_index) as turn_index

    from own_turns
    where uuid is not null
    group by session_id, uuid

),

-- Every line of a file stands in the turn of the lines before it, also one that counts elsewhere or echoes a subagent.
line_turns as (

    select
        records.root_session_id,
        records.session_id,
        records.file_id,
        records.line_number,
        records.sent_at,
        -- no condition of the join: where no file has older versions, DuckDB would compare every line with every other
        max(coalesce(
            own_turns.turn_index, case when records.file_rank > 1 then turns_of_records.turn_index end
        )) over (
            partition by records.file_id
            order by records.line_number
            rows between unbounded preceding and current row
        ) as turn_index

    from records
    left join own_turns
        on records.file_id = own_turns.file_id
        and records.line_number = own_turns.line_number
    left join turns_of_records
        on records.session_id = turns_of_records.session_id
        and records.uuid = turns_of_records.uuid

),

-- A subagent's work belongs to the turn that started it, wherever its lines stand.
spawning_calls as (

    select
        identities.session_id,
        min_by(tool_uses.session_id, (tool_uses.file_id, tool_uses.line_number)) as calling_session_id,
        min_by(coalesce(line_turns.turn_index, 0), (tool_uses.file_id, tool_uses.line_number)) as turn_index

    from identities
    inner join tool_uses
        on identities.root_session_id = tool_uses.root_session_id
        and identities.spawned_by_tool_use_id = tool_uses.tool_use_id
        and identities.session_id != tool_uses.session_id
    inner join line_turns
        on tool_uses.file_id = line_turns.file_id
        and tool_uses.line_number = line_turns.line_number
    group by identities.session_id

),

-- A subagent of a subagent: up to the call that its own session did not make. Each step goes twice as far.
{% for step in range(3) %}
    callers_{{ step + 1 }} as (

        select
            callers.session_id,
            coalesce(above.calling_session_id, callers.calling_session_id) as calling_session_id,
            coalesce(above.turn_index, callers.turn_index) as turn_index

        from {{ 'callers_' ~ step if step else 'spawning_calls' }} as callers
        left join {{ 'callers_' ~ step if step else 'spawning_calls' }} as above
            on callers.calling_session_id = above.session_id

    ),

{% endfor %}
subagent_starts as (

    select
        line_turns.root_session_id,
        line_turns.session_id,
        min(line_turns.sent_at) as first_sent_at,
        -- the echo in the parent's file stands where the parent was
        min(line_turns.turn_index) filter (where not identities.has_file) as echo_turn_index

    from line_turns
    inner join identities
        on line_turns.session_id = identities.session_id
    where identities.parent_session_id is not null
    group by line_turns.root_session_id, line_turns.session_id

),

turns_by_clock as (

    select
        subagent_starts.session_id,
        count(*) as turn_index

    from subagent_starts
    inner join prompts
        on subagent_starts.root_session_id = prompts.root_session_id
        and subagent_starts.first_sent_at >= prompts.sent_at
    group by subagent_starts.session_id

),

subagent_turns as (

    select
        subagent_starts.session_id,
        coalesce(
            case when callers.calling_session_id = subagent_starts.root_session_id then callers.turn_index end,
            -- the call was not found: that of the subagent which is the farthest above
            coalesce(first_starts.echo_turn_index, subagent_starts.echo_turn_index),
            coalesce(first_clocks.turn_index, turns_by_clock.turn_index)
        ) as turn_index

    from subagent_starts
    left join callers_3 as callers
        on subagent_starts.session_id = callers.session_id
    left join subagent_starts as first_starts
        on callers.calling_session_id = first_starts.session_id
    left join turns_by_clock
        on subagent_starts.session_id = turns_by_clock.session_id
    left join turns_by_clock as first_clocks
        on callers.calling_session_id = first_clocks.session_id

),

final as (

    select
        line_turns.root_session_id,
        line_turns.file_id,
        line_turns.line_number,
        coalesce(subagent_turns.turn_index, line_turns.turn_index, 0) as root_turn_index

    from line_turns
    left join subagent_turns
        on line_turns.session_id = subagent_turns.session_id

)

select * from final
