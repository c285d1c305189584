{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}

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

changes as (

    select
        calls.root_session_id,
        calls.use_file_id as file_id,
        calls.use_line_number as line_number,
        calls.use_block_index as block_index,
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
    where edits.file_path is not null

),

-- what the agent's answer states is the true difference; without it, the call's own texts are compared
texts as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        changed_path,
        change_method,
        true as is_patch,
        0 as weight,
        {{ split_lines('patch') }} as text_lines

    from changes
    where patch is not null

    union all

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        changed_path,
        change_method,
        false as is_patch,
        1 as weight,
        {{ split_lines('new_text') }} as text_lines

    from changes
    where patch is null and new_text is not null

    union all

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        changed_path,
        change_method,
        false as is_patch,
        -1 as weight,
        {{ split_lines('old_text') }} as text_lines

    from changes
    where patch is null and old_text is not null

),

text_lines as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        changed_path,
        change_method,
        is_patch,
        case when is_patch then case left(element, 1) when '+' then 1 when '-' then -1 end else weight end as weight,
        case when is_patch then substr(element, 2) else element end as line

    from {{ explode('texts', 'text_lines') }}
    where element_index <= {{ var('changed_lines_per_call') }}

),

fingerprinted as (

    select
        *,
        {{ line_fingerprint('line') }} as line_hash,
        -- in a patch each side is stated; of two texts the difference is
        case when is_patch then weight else 0 end as side_of_patch

    from text_lines
    where weight is not null and not contains(line, '[REDACTED:')

),

differences as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        changed_path,
        change_method,
        line_hash,
        cast(sum(weight) as bigint) as balance

    from fingerprinted
    where line_hash is not null
    group by
        root_session_id, file_id, line_number, block_index, changed_path, change_method, line_hash, side_of_patch
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
