-- No gaps, no overlaps: every message, tool call and API response belongs to exactly one turn of its root session, the
-- turns of a session are numbered without a gap, and the messages of the main conversation that a turn counts are those
-- between its prompt and the next.
with turns as (

    select * from {{ ref('turns') }}

),

prompts as (

    select * from {{ ref('int_turns__prompts') }}

),

rows_of_turns as (

    {% for mart, id in [('messages', 'message_id'), ('tool_calls', 'tool_use_id'), ('token_usage', 'response_id')] %}
        select
            '{{ mart }}' as mart,
            root_session_id,
            root_turn_index,
            {{ id }} as row_id

        from {{ ref(mart) }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

without_turn as (

    select
        rows_of_turns.mart || ' without a turn' as found,
        rows_of_turns.root_session_id as session_id,
        rows_of_turns.root_turn_index as turn_index,
        rows_of_turns.row_id

    from rows_of_turns
    left join turns
        on rows_of_turns.root_session_id = turns.session_id
        and rows_of_turns.root_turn_index = turns.turn_index
    where turns.session_id is null

),

misnumbered as (

    select
        'turns are not numbered without a gap' as found,
        session_id,
        max(turn_index) as turn_index,
        cast(null as {{ dbt.type_string() }}) as row_id

    from turns
    group by session_id
    having count(*) != max(turn_index) - min(turn_index) + 1 or min(turn_index) not in (0, 1)

),

misplaced as (

    select
        'message outside of its turn' as found,
        messages.session_id,
        messages.root_turn_index as turn_index,
        messages.message_id as row_id

    from {{ ref('messages') }} as messages
    inner join prompts
        on messages.session_id = prompts.session_id
        and messages.root_turn_index = prompts.turn_index
    where
        messages.record_index < prompts.record_index
        or messages.record_index >= prompts.next_record_index

)

select * from without_turn
union all
select * from misnumbered
union all
select * from misplaced
