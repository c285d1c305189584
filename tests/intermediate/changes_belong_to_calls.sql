-- What a session wrote comes from calls that are counted and did not fail; a line has a fingerprint and a number; and a
-- file whose lines were changed is among the changed files.
with calls as (

    select * from {{ ref('int_tool_calls__paired') }}

),

line_changes as (

    select * from {{ ref('int_tool_calls__line_changes') }}

),

file_changes as (

    select * from {{ ref('int_tool_calls__file_changes') }}

),

failures as (

    select
        'a counted call that did not fail' as expectation,
        file_changes.file_id,
        file_changes.line_number,
        file_changes.changed_path

    from file_changes
    left join calls
        on file_changes.root_session_id = calls.root_session_id
        and file_changes.file_id = calls.use_file_id
        and file_changes.line_number = calls.use_line_number
        and file_changes.block_index = calls.use_block_index
    where calls.tool_use_id is null or calls.is_error or calls.is_rejected

    union all

    select
        'a fingerprint of 16 hex digits, a side and a number' as expectation,
        file_id,
        line_number,
        changed_path

    from line_changes
    where
        not {{ matches('line_hash', "'^[0-9a-f]{16}$'") }}
        or side not in ('added', 'removed')
        or lines < 1

    union all

    select
        'lines of a file that is among the changed ones' as expectation,
        line_changes.file_id,
        line_changes.line_number,
        line_changes.changed_path

    from line_changes
    left join file_changes
        on line_changes.root_session_id = file_changes.root_session_id
        and line_changes.file_id = file_changes.file_id
        and line_changes.line_number = file_changes.line_number
        and line_changes.block_index = file_changes.block_index
        and line_changes.changed_path = file_changes.changed_path
    where file_changes.tool_use_id is null

)

select * from failures
