{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index > 0 and {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where session_id = root_session_id and has_result and not is_error and {{ in_changed_sessions() }}

),

touch_rules as (

    select * from {{ ref('file_touch_rules') }}
    where path_argument = 'file_path'

),

checkouts as (

    select
        root_session_id,
        {{ comparable_path('first_cwd') }} || '/' as checkout_prefix

    from {{ ref('int_sessions__projects') }}

),

touches as (

    select
        calls.session_id,
        calls.root_session_id,
        {{ comparable_path('calls.file_path') }} as touched_path,
        touch_rules.touch_kind,
        calls.content_hash,
        calls.result_record_index as position,
        -- the turn in which the agent saw the outcome
        line_turns.root_turn_index as seen_turn_index

    from calls
    inner join touch_rules
        on calls.tool_name = touch_rules.tool_name
    inner join line_turns
        on calls.result_file_id = line_turns.file_id
        and calls.result_line_number = line_turns.line_number
    where calls.file_path is not null

),

-- Reading a part of a file says nothing of the whole: the hash known before still stands. A change whose outcome is
-- not known whole makes it unknown.
known as (

    select
        *,
        max(case
            when touch_kind != 'read' or content_hash is not null
                then lpad(cast(position as {{ dbt.type_string() }}), 12, '0') || coalesce(content_hash, '')
        end) over (
            partition by session_id, touched_path
            order by position
        ) as last_known

    from touches

),

last_of_turn as (

    select
        *,
        row_number() over (
            partition by session_id, touched_path, seen_turn_index
            order by position desc
        ) as turn_rank

    from known

),

spans as (

    select
        *,
        row_number() over (
            partition by session_id
            order by position, touched_path desc
        ) as span_number,
        lead(seen_turn_index) over (
            partition by session_id, touched_path
            order by seen_turn_index
        ) as replaced_in_turn_index

    from last_of_turn
    where turn_rank = 1

),

-- The files known at each prompt, the last touched first. Only numbers: many files times many prompts.
observed as (

    select
        prompts.session_id,
        prompts.turn_index,
        spans.span_number,
        row_number() over (
            partition by prompts.session_id, prompts.turn_index
            order by spans.span_number desc
        ) as recency

    from prompts
    inner join spans
        on prompts.session_id = spans.session_id
        and prompts.turn_index > spans.seen_turn_index
        and prompts.turn_index <= coalesce(spans.replaced_in_turn_index, prompts.turn_index)

),

states as (

    select
        observed.session_id,
        observed.turn_index,
        {{ json_array_of(
            json_object([
                ('path', json_scalar(
                    "case when " ~ begins_with('spans.touched_path', 'checkouts.checkout_prefix')
                    ~ " then substr(spans.touched_path, length(checkouts.checkout_prefix) + 1)"
                    ~ " else spans.touched_path end"
                )),
                ('state', json_scalar('spans.touch_kind')),
                ('content_hash', json_scalar("nullif(substr(spans.last_known, 13), '')")),
                ('turn_index', 'spans.seen_turn_index'),
            ]),
            'observed.recency'
        ) }} as file_state

    from observed
    inner join spans
        on observed.session_id = spans.session_id
        and observed.span_number = spans.span_number
    left join checkouts
        on spans.root_session_id = checkouts.root_session_id
    where observed.recency <= {{ var('observed_files') }}
    group by observed.session_id, observed.turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        coalesce(states.file_state, '[]') as file_state

    from prompts
    left join states
        on prompts.session_id = states.session_id
        and prompts.turn_index = states.turn_index

)

select * from final
