{{ config(materialized='incremental') }}

with commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('action_rules') }}

),

-- one row per program of a rule
program_lists as (

    select
        *,
        {{ split_text('program', ' ') }} as programs

    from rules
    where program is not null

),

program_rules as (

    select
        element as program,
        case when subcommand is not null then ' ' || subcommand || ' ' end as subcommands,
        pattern,
        after_pipe,
        action_id,
        priority

    from {{ explode('program_lists', 'programs') }}

),

-- output into a file is one more command, whose program is `>` or `>>`
subjects as (

    select
        program,
        subcommand,
        segment,
        is_filter

    from commands
    where program != ''
    group by program, subcommand, segment, is_filter

    union all

    select
        write_mode as program,
        {{ path_kind('write_target') }} as subcommand,
        write_mode || ' ' || write_target as segment,
        false as is_filter

    from commands
    where write_target is not null
    group by write_mode, write_target

),

-- `case` keeps the expressions, which are compiled per row, to the rows whose words are equal
matched_subjects as (

    select
        subjects.program,
        subjects.subcommand,
        subjects.segment,
        subjects.is_filter,
        min_by(program_rules.action_id, program_rules.priority) as action_id

    from subjects
    inner join program_rules
        on subjects.program = program_rules.program
    where
        case
            when program_rules.after_pipe and not subjects.is_filter then false
            when
                program_rules.subcommands is not null
                and not coalesce(contains(program_rules.subcommands, ' ' || subjects.subcommand || ' '), false)
                then false
            when program_rules.pattern is null then true
            else {{ matches('subjects.segment', 'program_rules.pattern') }}
        end
    group by subjects.program, subjects.subcommand, subjects.segment, subjects.is_filter

),

unmatched_subjects as (

    select subjects.*
    from subjects
    left join matched_subjects
        on subjects.segment = matched_subjects.segment
        and subjects.program = matched_subjects.program
        and subjects.is_filter = matched_subjects.is_filter
    where matched_subjects.segment is null

),

-- scripts of a project and the like, by their name
guessed_subjects as (

    select
        unmatched_subjects.program,
        unmatched_subjects.subcommand,
        unmatched_subjects.segment,
        unmatched_subjects.is_filter,
        coalesce(min_by(rules.action_id, rules.priority), 'run') as action_id

    from unmatched_subjects
    left join rules
        on rules.program is null
        and rules.tool_name is null
        and {{ matches('unmatched_subjects.segment', 'rules.pattern') }}
    group by
        unmatched_subjects.program, unmatched_subjects.subcommand, unmatched_subjects.segment,
        unmatched_subjects.is_filter

),

subject_actions as (

    select * from matched_subjects
    union all
    select * from guessed_subjects

),

final as (

    -- what the program does
    select
        -- ids
        commands.root_session_id,
        commands.file_id,
        commands.line_number,
        commands.block_index,
        commands.command_index,

        -- text
        subject_actions.action_id,

        -- booleans
        commands.is_filter,
        false as is_file_output

    from commands
    inner join subject_actions
        on commands.segment = subject_actions.segment
        and commands.program = subject_actions.program
        and commands.is_filter = subject_actions.is_filter

    union all

    -- what becomes of its output
    select
        commands.root_session_id,
        commands.file_id,
        commands.line_number,
        commands.block_index,
        commands.command_index,
        subject_actions.action_id,
        false as is_filter,
        true as is_file_output

    from commands
    inner join subject_actions
        on commands.write_mode || ' ' || commands.write_target = subject_actions.segment
        and commands.write_mode = subject_actions.program
    where
        commands.program in ({{ word_literals('writing_programs') }}, '')
        or (
            commands.program in ({{ word_literals('filtering_programs') }})
            and not {{ matches('commands.write_target', pattern_literal('scratch_paths')) }}
        )

)

select * from final
