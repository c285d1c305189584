{{ config(materialized='incremental') }}

with calls as (

    select * from {{ ref('int_tool_calls__paired') }}
    where has_result and {{ in_changed_sessions() }}

),

commands as (

    select * from {{ ref('int_tool_calls__commands') }}
    where program = 'git' and {{ in_changed_sessions() }}

),

results as (

    select * from {{ ref('stg_claude_code__tool_results') }}
    where {{ in_changed_sessions() }}

),

{% set actions = var('committing_git_commands') %}
{% set announced = text_literal(var('commit_announcement')) %}

-- Of several git commands of a call, the one that stands first in the variable made the commit.
git_actions as (

    select
        file_id,
        line_number,
        block_index,
        min(case subcommand
            {% for action in actions %}
                when '{{ action }}' then {{ loop.index }}
            {% endfor %}
        end) as action_rank

    from commands
    where subcommand in ('{{ actions | join("', '") }}')
    group by file_id, line_number, block_index

),

committing as (

    select
        calls.*,
        case git_actions.action_rank
            {% for action in actions %}
                when {{ loop.index }} then '{{ action }}'
            {% endfor %}
        end as git_action

    from calls
    left join git_actions
        on calls.use_file_id = git_actions.file_id
        and calls.use_line_number = git_actions.line_number
        and calls.use_block_index = git_actions.block_index
    where git_actions.action_rank is not null or calls.announced_commit_sha is not null

),

answers as (

    select
        committing.*,
        {{ split_lines('results.result_text') }} as result_lines

    from committing
    inner join results
        on committing.result_file_id = results.file_id
        and committing.result_line_number = results.line_number
        and committing.result_block_index = results.block_index
    where committing.git_action is not null

),

in_text as (

    select
        *,
        element_index as text_line,
        trim(regexp_extract(element, {{ announced }}, 1)) as branch,
        regexp_extract(element, {{ announced }}, 2) as sha_prefix,
        trim(regexp_extract(element, {{ announced }}, 3)) as subject

    from {{ explode('answers', 'result_lines') }}
    where {{ matches('element', announced) }}

),

said as (

    select
        root_session_id,
        session_id,
        tool_use_id,
        result_file_id,
        result_line_number,
        result_block_index,
        text_line,
        'result_text' as found_in,
        git_action,
        branch,
        -- the tool's own word is the whole hash
        case
            when {{ begins_with('announced_commit_sha', 'sha_prefix') }} then announced_commit_sha
            else sha_prefix
        end as sha_prefix,
        subject,
        is_error,
        answered_at

    from in_text

),

stated as (

    select
        committing.root_session_id,
        committing.session_id,
        committing.tool_use_id,
        committing.result_file_id,
        committing.result_line_number,
        committing.result_block_index,
        cast(0 as bigint) as text_line,
        'git_operation' as found_in,
        coalesce(committing.git_action, 'commit') as git_action,
        cast(null as {{ dbt.type_string() }}) as branch,
        committing.announced_commit_sha as sha_prefix,
        cast(null as {{ dbt.type_string() }}) as subject,
        committing.is_error,
        committing.answered_at

    from committing
    left join said
        on committing.root_session_id = said.root_session_id
        and committing.tool_use_id = said.tool_use_id
        and committing.announced_commit_sha = said.sha_prefix
    where committing.announced_commit_sha is not null and said.tool_use_id is null

),

final as (

    select
        root_session_id,
        session_id,
        tool_use_id,
        result_file_id as file_id,
        result_line_number as line_number,
        result_block_index as block_index,
        text_line,
        found_in,
        git_action,
        branch,
        sha_prefix,
        subject,
        is_error,
        answered_at as sent_at

    from (
        select * from said

        union all

        select * from stated
    ) as announcements

)

select * from final
