{{ config(materialized='incremental') }}

with uses as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        tool_name,
        file_path,
        tool_name in ({{ word_literals('shell_tools') }}) as is_shell,
        case when tool_name in ({{ word_literals('shell_tools') }}) then 'run' else 'other' end as otherwise

    from {{ ref('stg_claude_code__tool_uses') }}
    where {{ in_changed_sessions() }}

),

command_actions as (

    select * from {{ ref('int_tool_calls__command_actions') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('action_rules') }}
    where tool_name is not null

),

taxonomy as (

    select * from {{ ref('action_taxonomy') }}

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

-- behind a pipe, a kind that only looks decides nothing as long as there is another
kinds as (

    select
        command_actions.root_session_id,
        command_actions.file_id,
        command_actions.line_number,
        command_actions.block_index,
        command_actions.action_id,
        taxonomy.decisive_rank,
        coalesce(taxonomy.parent_action_id = 'test', false) as is_test,
        bool_or(taxonomy.counts_after_pipe or not command_actions.is_filter) as may_decide,
        max(command_actions.command_index) as last_command_index

    from command_actions
    inner join taxonomy
        on command_actions.action_id = taxonomy.action_id
    group by
        command_actions.root_session_id, command_actions.file_id, command_actions.line_number,
        command_actions.block_index, command_actions.action_id, taxonomy.decisive_rank, taxonomy.parent_action_id

),

shell_calls as (

    select
        root_session_id,
        file_id,
        line_number,
        block_index,
        coalesce(
            min_by(action_id, decisive_rank) filter (where may_decide),
            min_by(action_id, decisive_rank)
        ) as action_id,
        {{ ordered_text('action_id', "','", 'action_id') }} as action_ids,
        max(last_command_index) filter (where is_test) as test_command_index,
        bool_or(is_test) as has_test_run

    from kinds
    group by root_session_id, file_id, line_number, block_index

),

final as (

    select
        -- ids
        uses.root_session_id,
        uses.file_id,
        uses.line_number,
        uses.block_index,

        -- text
        coalesce(shell_calls.action_id, target_actions.action_id, uses.otherwise) as action_id,
        coalesce(shell_calls.action_ids, target_actions.action_id, uses.otherwise) as action_ids,

        -- numbers
        shell_calls.test_command_index,

        -- booleans
        coalesce(shell_calls.has_test_run, taxonomy.parent_action_id = 'test', false) as has_test_run

    from uses
    left join shell_calls
        on uses.file_id = shell_calls.file_id
        and uses.line_number = shell_calls.line_number
        and uses.block_index = shell_calls.block_index
    left join target_actions
        on uses.tool_name = target_actions.tool_name
        and uses.file_path is not distinct from target_actions.file_path
    left join taxonomy
        on target_actions.action_id = taxonomy.action_id

)

select * from final
