{{ config(materialized='incremental') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

malformed as (

    select
        records.session_id,
        line_turns.root_turn_index,
        count(*) as malformed_lines

    from {{ ref('stg_claude_code__records') }} as records
    inner join line_turns
        on records.file_id = line_turns.file_id
        and records.line_number = line_turns.line_number
    where not records.is_json and not records.is_blank and records.file_rank = 1
    group by records.session_id, line_turns.root_turn_index

),

-- The time until the next record belongs to the turn of this one: reading an answer is part of its turn.
gaps as (

    select
        counted.root_session_id,
        counted.session_id,
        line_turns.root_turn_index,
        counted.sent_at,
        coalesce(
            {{ ms_between(
                'counted.sent_at',
                'lead(counted.sent_at) over (partition by counted.session_id order by counted.sent_at, counted.record_index)'
            ) }},
            0
        ) as gap_ms

    from counted
    inner join line_turns
        on counted.file_id = line_turns.file_id
        and counted.line_number = line_turns.line_number

),

summed as (

    select
        root_session_id,
        session_id,
        root_turn_index,
        count(*) as records,
        cast(
            sum(case when gap_ms <= {{ var('active_gap_seconds') }} * 1000 then gap_ms else 0 end) as bigint
        ) as active_ms,
        min(sent_at) as started_at,
        max(sent_at) as ended_at

    from gaps
    group by root_session_id, session_id, root_turn_index

),

final as (

    select
        summed.root_session_id,
        summed.session_id,
        summed.root_turn_index,
        summed.records,
        summed.active_ms,
        coalesce(malformed.malformed_lines, 0) as malformed_lines,
        summed.started_at,
        summed.ended_at

    from summed
    left join malformed
        on summed.session_id = malformed.session_id
        and summed.root_turn_index = malformed.root_turn_index

)

select * from final
