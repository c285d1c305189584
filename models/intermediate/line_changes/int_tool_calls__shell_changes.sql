{{ config(materialized='incremental') }}

{%- set place = 'root_session_id, file_id, line_number, block_index, command_index' -%}
{%- set no_text = 'cast(null as ' ~ dbt.type_string() ~ ')' -%}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where not is_error and not is_rejected and {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where {{ in_changed_sessions() }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('file_change_rules') }}

),

-- a command whose output goes into a file changes it, also where no rule knows the program
fitting as (

    select
        commands.*,
        rules.subcommand as ruled_subcommand,
        rules.unless_pattern,
        coalesce(rules.paths, 'output') as paths,
        rules.change_kind as ruled_kind,
        coalesce(rules.change_method, 'command') as change_method,
        row_number() over (
            partition by commands.file_id, commands.line_number, commands.block_index, commands.command_index
            order by rules.priority
        ) as fit

    from commands
    left join rules
        on commands.program = rules.program
        and (rules.subcommand is null or commands.subcommand = rules.subcommand)
        and (rules.pattern is null or {{ matches('commands.segment', 'rules.pattern') }})
        and (rules.paths != 'output' or commands.write_target is not null)
    where rules.priority is not null or commands.write_target is not null

),

changing as (

    select * from fitting
    where fit = 1 and (unless_pattern is null or not {{ matches('segment', 'unless_pattern') }})

),

-- where the call has gone before the command
ways as (

    select
        changing.file_id,
        changing.line_number,
        changing.block_index,
        changing.command_index,
        max_by(commands.subcommand, commands.command_index) as last_way,
        count(*) as ways

    from changing
    inner join commands
        on changing.file_id = commands.file_id
        and changing.line_number = commands.line_number
        and changing.block_index = commands.block_index
        and changing.command_index > commands.command_index
    where commands.program = 'cd'
    group by changing.file_id, changing.line_number, changing.block_index, changing.command_index

),

-- after several `cd`, only an absolute one says where
placed as (

    select
        changing.*,
        case
            when ways.ways is null then records.cwd
            when {{ matches('ways.last_way', pattern_literal('unreadable_words')) }} then null
            when ways.ways = 1 or {{ begins_with('ways.last_way', "'/'") }}
                then {{ absolute_path('ways.last_way', 'records.cwd') }}
        end as directory

    from changing
    inner join calls
        on changing.file_id = calls.use_file_id
        and changing.line_number = calls.use_line_number
        and changing.block_index = calls.use_block_index
    inner join records
        on changing.file_id = records.file_id
        and changing.line_number = records.line_number
    left join ways
        on changing.file_id = ways.file_id
        and changing.line_number = ways.line_number
        and changing.block_index = ways.block_index
        and changing.command_index = ways.command_index

),

worded as (

    select
        *,
        case
            when paths = 'patch' then {{ split_lines('heredoc') }}
            else {{ split_text('segment', ' ') }}
        end as words

    from placed
    where paths != 'output'

),

words as (

    select
        *,
        element as word,
        element_index as word_index

    from {{ explode('worded', 'words') }}

),

-- what the command is told to work on
arguments as (

    select
        *,
        row_number() over (partition by {{ place }} order by word_index) as argument_index,
        count(*) over (partition by {{ place }}) as arguments

    from words
    where
        paths in ('all', 'last')
        and word_index > 1
        and (ruled_subcommand is null or word != ruled_subcommand)
        and not {{ matches('word', pattern_literal('shell_no_arguments')) }}

),

targets as (

    select
        sources.*,
        targets.word as target,
        -- several files go into a directory, and so does what goes to a path with a slash at its end
        sources.arguments > 2 or {{ matches('targets.word', "'(?:^|/)[.]{0,2}$'") }} as is_directory

    from arguments as sources
    inner join arguments as targets
        on sources.file_id = targets.file_id
        and sources.line_number = targets.line_number
        and sources.block_index = targets.block_index
        and sources.command_index = targets.command_index
        and targets.argument_index = targets.arguments
    where sources.paths = 'last' and sources.argument_index < sources.arguments

),

changes as (

    select
        {{ place }},
        directory,
        ruled_kind as change_kind,
        change_method,
        word as named_path,
        {{ no_text }} as old

    from arguments
    -- a formatter that is handed a directory does not say which files
    where paths = 'all' and (ruled_kind != 'formatted' or {{ matches('word', pattern_literal('path_of_a_file')) }})

    union all

    select
        {{ place }},
        directory,
        ruled_kind as change_kind,
        change_method,
        case
            when is_directory
                then {{ comparable_path('target') }} || '/' || {{ replaced(comparable_path('word'), "'^.*/'", "''") }}
            else target
        end as named_path,
        word as old

    from targets

    union all

    select
        {{ place }},
        directory,
        ruled_kind as change_kind,
        change_method,
        {{ patched_path('word') }} as named_path,
        {{ no_text }} as old

    from words
    where paths = 'patch'

    union all

    select
        {{ place }},
        directory,
        case write_mode when '>>' then 'appended' else 'written' end as change_kind,
        case when paths = 'output' then change_method else 'command' end as change_method,
        write_target as named_path,
        {{ no_text }} as old

    from placed
    where write_target is not null

),

resolved as (

    select
        *,
        {{ absolute_path('named_path', 'directory') }} as changed_path,
        case
            when not {{ matches('old', pattern_literal('unreadable_words')) }}
                then {{ absolute_path('old', 'directory') }}
        end as old_path

    from changes
    where not {{ matches('named_path', pattern_literal('unreadable_words')) }}

),

-- a command may name a file twice
final as (

    select
        -- ids
        {{ place }},

        -- text
        changed_path,
        min(named_path) as named_path,
        min(old_path) as old_path,
        min(change_kind) as change_kind,
        min(change_method) as change_method

    from resolved
    where changed_path is not null
    group by {{ place }}, changed_path

)

select * from final
