{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where command is not null and {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where program = 'git' and {{ in_changed_sessions() }}

),

committing as (

    select distinct
        file_id,
        line_number,
        block_index

    from commands
    where subcommand = 'commit'

),

-- A call can commit several times: the text is cut before each `git commit`.
marked as (

    select
        calls.*,
        {{ replaced('calls.command', text_literal(var('git_commit_start')), "'\\1' || chr(30) || '\\2'") }}
            as marked_command

    from calls
    inner join committing
        on calls.use_file_id = committing.file_id
        and calls.use_line_number = committing.line_number
        and calls.use_block_index = committing.block_index

),

split as (

    select
        *,
        {{ split_text('marked_command', '\x1e') }} as parts

    from marked

),

parts as (

    select
        *,
        element as part,
        element_index - 1 as commit_index,
        coalesce(
            {% for pattern in var('commit_subjects') %}
                nullif(trim(regexp_extract(element, {{ text_literal(pattern) }}, 1)), ''){{ ',' if not loop.last }}
            {% endfor %}
        ) as written_subject

    from {{ explode('split', 'parts') }}
    where element_index > 1

),

final as (

    select
        root_session_id,
        session_id,
        tool_use_id,
        use_file_id as file_id,
        use_line_number as line_number,
        use_block_index as block_index,
        commit_index,
        -- what the shell takes the backslash from
        {{ replaced('written_subject', "'\\\\([\"$`\\\\])'", "'\\1'") }} as subject,
        {{ matches('part', text_literal(var('commit_amend'))) }} as is_amend,
        has_result,
        is_error,
        sent_at

    from parts
    where written_subject is not null or {{ matches('part', text_literal(var('commit_amend'))) }}

)

select * from final
