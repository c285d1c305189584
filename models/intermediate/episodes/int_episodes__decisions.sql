{{ config(materialized='incremental') }}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where turn_index > 0 and {{ in_changed_sessions() }}

),

calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where session_id = root_session_id and {{ in_changed_sessions() }}

),

actions as (

    select * from {{ ref('int_tool_calls__actions') }}
    where {{ in_changed_sessions() }}

),

taxonomy as (

    select * from {{ ref('action_taxonomy') }}

),

uses as (

    select * from {{ ref('stg_claude_code__content_blocks') }}
    where block_type = 'tool_use' and {{ in_changed_sessions() }}

),

line_turns as (

    select * from {{ ref('int_records__turns') }}
    where {{ in_changed_sessions() }}

),

answers as (

    select * from {{ ref('int_messages__typed') }}
    where session_id = root_session_id and kind = 'assistant' and {{ in_changed_sessions() }}

),

steps as (

    select
        calls.session_id,
        calls.root_turn_index as turn_index,
        calls.use_file_id,
        calls.use_line_number,
        calls.use_block_index,
        calls.record_index,
        calls.tool_name,
        calls.target,
        calls.is_error,
        actions.action_id,
        -- the most decisive action of the turn; of several the last
        row_number() over (
            partition by calls.session_id, calls.root_turn_index
            order by taxonomy.decisive_rank, calls.record_index desc, calls.use_block_index desc
        ) as decision_rank

    from calls
    inner join actions
        on calls.use_file_id = actions.file_id
        and calls.use_line_number = actions.line_number
        and calls.use_block_index = actions.block_index
    inner join taxonomy
        on actions.action_id = taxonomy.action_id

),

step_lists as (

    select
        session_id,
        turn_index,
        {{ json_array_of(
            json_object([
                ('tool', json_scalar('tool_name')),
                ('action_id', json_scalar('action_id')),
                ('target', json_scalar('left(target, ' ~ var('step_target_characters') ~ ')')),
                ('is_error', json_scalar('is_error')),
            ]),
            'record_index, use_block_index'
        ) }} as steps

    from steps
    group by session_id, turn_index

),

turn_answers as (

    select
        answers.session_id,
        answers.record_index,
        line_turns.root_turn_index as turn_index,
        nullif(concat_ws(chr(10) || chr(10), nullif(answers.reasoning, ''), nullif(answers.text, '')), '') as words

    from answers
    inner join line_turns
        on answers.file_id = line_turns.file_id
        and answers.line_number = line_turns.line_number

),

-- What the agent thought and said when it decided; where it said nothing then, what it said last before. Where it only
-- answered, its last words are all there is.
reasonings as (

    select
        turn_answers.session_id,
        turn_answers.turn_index,
        max_by(turn_answers.words, turn_answers.record_index) filter (where turn_answers.words is not null) as reasoning

    from turn_answers
    left join steps
        on turn_answers.session_id = steps.session_id
        and turn_answers.turn_index = steps.turn_index
        and steps.decision_rank = 1
    where turn_answers.record_index <= coalesce(steps.record_index, turn_answers.record_index)
    group by turn_answers.session_id, turn_answers.turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        steps.tool_name as tool,
        coalesce(steps.action_id, case when reasonings.session_id is not null then 'answer' end) as action_id,
        {{ json_object([
            ('tool', json_scalar('steps.tool_name')),
            ('parameters', "coalesce(" ~ json_or_scalar('uses.tool_input') ~ ", 'null')"),
            ('reasoning', json_scalar('reasonings.reasoning')),
            ('action_id', json_scalar(
                "coalesce(steps.action_id, case when reasonings.session_id is not null then 'answer' end)"
            )),
            ('steps', "coalesce(step_lists.steps, '[]')"),
        ]) }} as claude_action

    from prompts
    left join steps
        on prompts.session_id = steps.session_id
        and prompts.turn_index = steps.turn_index
        and steps.decision_rank = 1
    left join uses
        on steps.use_file_id = uses.file_id
        and steps.use_line_number = uses.line_number
        and steps.use_block_index = uses.block_index
    left join step_lists
        on prompts.session_id = step_lists.session_id
        and prompts.turn_index = step_lists.turn_index
    left join reasonings
        on prompts.session_id = reasonings.session_id
        and prompts.turn_index = reasonings.turn_index

)

select * from final
