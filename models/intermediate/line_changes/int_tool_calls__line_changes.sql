{{ config(materialized='incremental') }}

{%- set change = 'root_session_id, file_id, line_number, block_index, changed_path, change_method' -%}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where not is_error and not is_rejected and {{ in_changed_sessions() }}

),

edits as (

    select * from {{ ref('stg_claude_code__file_edits') }}
    where {{ in_changed_sessions() }}

),

outcomes as (

    select * from {{ ref('stg_claude_code__tool_outcomes') }}
    where {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

shell_changes as (

    select * from {{ ref('int_tool_calls__shell_changes') }}
    where {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where heredoc is not null and {{ in_changed_sessions() }}

),

edited as (

    select
        edits.root_session_id,
        edits.file_id,
        edits.line_number,
        edits.block_index,
        {{ absolute_path('edits.file_path', 'records.cwd') }} as changed_path,
        edits.change_method,
        outcomes.patch,
        edits.new_text,
        coalesce(edits.old_text, outcomes.replaced_content) as old_text

    from calls
    inner join edits
        on calls.use_file_id = edits.file_id
        and calls.use_line_number = edits.line_number
        and calls.use_block_index = edits.block_index
    inner join records
        on calls.use_file_id = records.file_id
        and calls.use_line_number = records.line_number
    left join outcomes
        on calls.result_file_id = outcomes.file_id
        and calls.result_line_number = outcomes.line_number

),

heredocs as (

    select
        shell_changes.*,
        {{ split_lines('commands.heredoc') }} as text_lines

    from shell_changes
    inner join commands
        on shell_changes.file_id = commands.file_id
        and shell_changes.line_number = commands.line_number
        and shell_changes.block_index = commands.block_index
        and shell_changes.command_index = commands.command_index
    where shell_changes.change_method in ('heredoc', 'patch')

),

-- in a patch each line says its side; without one, the text that is written is compared with the text that it replaces
texts as (

    select
        {{ change }},
        0 as weight,
        {{ split_lines('patch') }} as text_lines

    from edited
    where patch is not null

    union all

    select
        {{ change }},
        1 as weight,
        {{ split_lines('new_text') }} as text_lines

    from edited
    where patch is null

    union all

    select
        {{ change }},
        -1 as weight,
        {{ split_lines('old_text') }} as text_lines

    from edited
    where patch is null

    union all

    select
        {{ change }},
        1 as weight,
        text_lines

    from heredocs
    where change_method = 'heredoc'

),

named_patch_lines as (

    select
        *,
        {{ patched_path('element') }} as patched_path,
        {{ matches('element', pattern_literal('patch_headers')) }} as is_header

    from {{ explode('heredocs', 'text_lines') }}
    where change_method = 'patch' and element_index <= {{ var('changed_lines_per_call') }}

),

-- of a patch for several files, the lines below the name of this one
heredoc_patch_lines as (

    select
        {{ change }},
        named_path,
        element,
        is_header,
        max_by(patched_path, case when patched_path is not null then element_index end) over (
            partition by file_id, line_number, block_index, command_index, named_path
            order by element_index
            rows between unbounded preceding and current row
        ) as patched_path_above

    from named_patch_lines

),

text_lines as (

    select
        {{ change }},
        weight,
        element as line,
        element_index = {{ array_length('text_lines') }} as is_last

    from {{ explode('texts', 'text_lines') }}
    where element_index <= {{ var('changed_lines_per_call') }}

    union all

    select
        {{ change }},
        0 as weight,
        element as line,
        false as is_last

    from heredoc_patch_lines
    where named_path = patched_path_above and not is_header

),

weighted as (

    select
        {{ change }},
        weight = 0 as is_stated,
        case when weight != 0 then weight when line like '+%' then 1 when line like '-%' then -1 end as weight,
        case
            when weight = 0 then substr(line, 2)
            -- as the lines of a cell stand in the file of a notebook
            when change_method = 'notebook' and is_last then {{ json_scalar('line') }}
            when change_method = 'notebook' then {{ json_scalar('line || chr(10)') }} || ','
            else line
        end as line

    from text_lines
    where not contains(line, '[REDACTED:')

),

fingerprinted as (

    select
        {{ change }},
        case when is_stated then weight else 0 end as stated_side,
        weight,
        {{ line_fingerprint('line') }} as line_hash

    from weighted
    where weight is not null

),

differences as (

    select
        {{ change }},
        line_hash,
        cast(sum(weight) as bigint) as balance

    from fingerprinted
    where line_hash is not null and changed_path is not null
    group by {{ change }}, line_hash, stated_side
    having sum(weight) != 0

),

final as (

    select
        -- ids
        differences.root_session_id,
        calls.session_id,
        calls.tool_use_id,
        differences.file_id,
        differences.line_number,
        differences.block_index,

        -- text
        differences.changed_path,
        differences.change_method,
        case when differences.balance > 0 then 'added' else 'removed' end as side,
        differences.line_hash,

        -- numbers
        calls.record_index,
        abs(differences.balance) as lines,

        -- booleans
        calls.has_result,

        -- times
        calls.sent_at

    from differences
    inner join calls
        on differences.file_id = calls.use_file_id
        and differences.line_number = calls.use_line_number
        and differences.block_index = calls.use_block_index

)

select * from final
