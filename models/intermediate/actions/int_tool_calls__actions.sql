{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}

with uses as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        tool_name,
        file_path,
        tool_name in ({{ word_literals('shell_tools') }}) as is_shell

    from {{ ref('stg_claude_code__tool_uses') }}
    where {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('action_rules') }}

),

taxonomy as (

    select * from {{ ref('action_taxonomy') }}

),

-- one row per program of a rule
program_lists as (

    select
        *,
        {{ split_words('program') }} as programs

    from rules
    where program is not null

),

program_rules as (

    select
        element as program,
        case when subcommand is not null then ' ' || subcommand || ' ' end as subcommands,
        pattern,
        action_id,
        priority

    from {{ explode('program_lists', 'programs') }}

),

-- output into a file is one more command, whose program is `>` or `>>`
subjects as (

    select
        program,
        subcommand,
        segment

    from commands
    where program != ''
    group by program, subcommand, segment

    union all

    select
        write_mode as program,
        {{ path_kind('write_target') }} as subcommand,
        write_mode || ' ' || write_target as segment

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
        min_by(program_rules.action_id, program_rules.priority) as action_id

    from subjects
    inner join program_rules
        on subjects.program = program_rules.program
    where
        case
            when
                program_rules.subcommands is not null
                and not coalesce(contains(program_rules.subcommands, ' ' || subjects.subcommand || ' '), false)
                then false
            when program_rules.pattern is null then true
            else {{ matches('subjects.segment', 'program_rules.pattern') }}
        end
    group by subjects.program, subjects.subcommand, subjects.segment

),

unmatched_subjects as (

    select subjects.*
    from subjects
    left join matched_subjects
        on subjects.segment = matched_subjects.segment
        and subjects.program = matched_subjects.program
    where matched_subjects.segment is null

),

-- scripts of a project and the like, by their name
guessed_subjects as (

    select
        unmatched_subjects.program,
        unmatched_subjects.subcommand,
        unmatched_subjects.segment,
        coalesce(min_by(rules.action_id, rules.priority), 'run') as action_id

    from unmatched_subjects
    left join rules
        on rules.program is null
        and rules.tool_name is null
        and {{ matches('unmatched_subjects.segment', 'rules.pattern') }}
    group by unmatched_subjects.program, unmatched_subjects.subcommand, unmatched_subjects.segment

),

subject_actions as (

    select * from matched_subjects
    union all
    select * from guessed_subjects

),

command_actions as (

    select
        commands.file_id,
        commands.line_number,
        commands.block_index,
        commands.command_index,
        subject_actions.action_id,
        commands.is_filter

    from commands
    inner join subject_actions
        on commands.segment = subject_actions.segment
        and commands.program = subject_actions.program

    union all

    select
        commands.file_id,
        commands.line_number,
        commands.block_index,
        commands.command_index,
        subject_actions.action_id,
        false as is_filter

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

),

tools as (

    select tool_name
    from uses
    where tool_name is not null
    group by tool_name

),

tool_rules as (

    select
        tools.tool_name,
        rules.subcommand as path_kind,
        rules.pattern,
        rules.action_id,
        rules.priority

    from tools
    inner join rules
        on tools.tool_name = rules.tool_name
        or (
            {{ finishes_with('rules.tool_name', "'*'") }}
            and {{ begins_with('tools.tool_name', "replace(rules.tool_name, '*', '')") }}
        )

),

targets as (

    select
        tool_name,
        file_path,
        {{ path_kind('file_path') }} as path_kind

    from uses
    where not is_shell
    group by tool_name, file_path

),

target_actions as (

    select
        targets.tool_name,
        targets.file_path,
        min_by(tool_rules.action_id, tool_rules.priority) as action_id

    from targets
    inner join tool_rules
        on targets.tool_name = tool_rules.tool_name
        and (tool_rules.path_kind is null or targets.path_kind = tool_rules.path_kind)
    where
        case
            when tool_rules.pattern is null then true
            else {{ matches('targets.tool_name', 'tool_rules.pattern') }}
        end
    group by targets.tool_name, targets.file_path

),

actions as (

    select
        uses.root_session_id,
        uses.file_id,
        uses.line_number,
        uses.block_index,
        coalesce(
            command_actions.action_id,
            target_actions.action_id,
            case when uses.is_shell then 'run' else 'other' end
        ) as action_id,
        command_actions.command_index,
        coalesce(command_actions.is_filter, false) as is_filter

    from uses
    left join command_actions
        on uses.file_id = command_actions.file_id
        and uses.line_number = command_actions.line_number
        and uses.block_index = command_actions.block_index
    left join target_actions
        on uses.tool_name = target_actions.tool_name
        and uses.file_path is not distinct from target_actions.file_path

),

ranked as (

    select
        actions.root_session_id,
        actions.file_id,
        actions.line_number,
        actions.block_index,
        actions.action_id,
        min(
            taxonomy.decisive_rank
            + case when actions.is_filter and not taxonomy.counts_after_pipe then 1000 else 0 end
        ) as decisive_rank,
        bool_or(taxonomy.parent_action_id = 'test') as is_test,
        max(case when taxonomy.parent_action_id = 'test' then actions.command_index end) as test_command_index

    from actions
    left join taxonomy
        on actions.action_id = taxonomy.action_id
    group by
        actions.root_session_id, actions.file_id, actions.line_number, actions.block_index, actions.action_id

),

final as (

    select
        -- ids
        root_session_id,
        file_id,
        line_number,
        block_index,

        -- text
        min_by(action_id, decisive_rank) as action_id,
        {{ ordered_text('action_id', "','", 'action_id') }} as action_ids,

        -- numbers
        max(test_command_index) as test_command_index,

        -- booleans
        coalesce(bool_or(is_test), false) as has_test_run

    from ranked
    group by root_session_id, file_id, line_number, block_index

)

select * from final
