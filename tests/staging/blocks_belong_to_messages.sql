-- What the two models that read the lines say of one line must fit: a content block or a tool's outcome stands on a
-- record of the same session, blocks on messages only; and a message with content has blocks.
with records as (

    select
        file_id,
        line_number,
        root_session_id,
        session_id,
        message_type

    from {{ ref('stg_claude_code__records') }}

),

blocks as (

    select * from {{ ref('stg_claude_code__content_blocks') }}

),

outcomes as (

    select * from {{ ref('stg_claude_code__tool_outcomes') }}

),

failures as (

    select
        'block on a message of its session' as expectation,
        blocks.file_id,
        blocks.line_number

    from blocks
    left join records
        on blocks.file_id = records.file_id
        and blocks.line_number = records.line_number
        and blocks.session_id = records.session_id
        and blocks.root_session_id = records.root_session_id
        and records.message_type is not null
    where records.file_id is null

    union all

    select
        'outcome on a record of its session' as expectation,
        outcomes.file_id,
        outcomes.line_number

    from outcomes
    left join records
        on outcomes.file_id = records.file_id
        and outcomes.line_number = records.line_number
        and outcomes.root_session_id = records.root_session_id
    where records.file_id is null

    union all

    select
        'tool use or result with an id' as expectation,
        file_id,
        line_number

    from blocks
    where block_type in ('tool_use', 'tool_result') and tool_use_id is null

    union all

    select
        'blocks numbered without gaps' as expectation,
        file_id,
        line_number

    from blocks
    group by file_id, line_number
    having min(block_index) != 1 or max(block_index) != count(*)

)

select * from failures
