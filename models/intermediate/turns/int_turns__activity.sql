{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}

with counted as (

    select * from {{ ref('int_records__counted') }}
    where {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

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

final as (

    select
        root_session_id,
        session_id,
        root_turn_index,
        count(*) as records,
        cast(sum(case when gap_ms <= {{ var('active_gap_seconds') }} * 1000 then gap_ms else 0 end) as bigint) as active_ms,
        min(sent_at) as started_at,
        max(sent_at) as ended_at

    from gaps
    group by root_session_id, session_id, root_turn_index

)

select * from final
