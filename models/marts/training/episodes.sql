{{ config(materialized='incremental', meta={'states': ['int_sessions__link_states']}) }}

with turns as (

    select
        *,
        lead(directive, 1, 'end_of_log') over (
            partition by session_id
            order by turn_index
        ) as next_directive

    from {{ ref('turns') }}
    where turn_index > 0 and {{ in_changed_sessions('int_sessions__link_states') }}

),

sessions as (

    select * from {{ ref('sessions') }}
    where not is_subagent and {{ in_changed_sessions('int_sessions__link_states') }}

),

contexts as (

    select * from {{ ref('int_episodes__contexts') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

file_states as (

    select * from {{ ref('int_episodes__file_states') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

error_logs as (

    select * from {{ ref('int_episodes__error_logs') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

work_states as (

    select * from {{ ref('int_episodes__work_states') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

decisions as (

    select * from {{ ref('int_episodes__decisions') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

turn_commits as (

    select * from {{ ref('int_turns__commits') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

reactions as (

    select * from {{ ref('int_turns__reactions') }}
    where {{ in_changed_sessions('int_sessions__link_states') }}

),

taxonomy as (

    select max(taxonomy_version) as taxonomy_version
    from {{ ref('action_taxonomy') }}

),

-- Whether anything is missing: such episodes are kept and say why.
judged as (

    select
        turns.*,
        sessions.last_agent_version as agent_version,
        reactions.reaction_type,
        reactions.reaction_id,
        reactions.reaction_source,
        reactions.reaction_confidence,
        reactions.reaction_message_uuid,
        reactions.reaction_message,
        case
            when turns.malformed_lines > 0 then 'malformed lines'
            when nullif(turns.prompt, '') is null then 'no prompt text'
            when turns.steps = 0 then 'no answer of the agent'
            when turns.unanswered_tool_calls > 0 then 'unanswered tool calls'
            when turns.end_kind = 'end_of_log' and reactions.reaction_type = 'unknown' then 'no reaction in the log'
        end as incomplete_reason

    from turns
    inner join sessions
        on turns.session_id = sessions.session_id
    inner join reactions
        on turns.session_id = reactions.session_id
        and turns.turn_index = reactions.turn_index

),

final as (

    select
        -- ids
        judged.session_id || '/turn-' || judged.turn_index as episode_id,
        judged.project_id,
        judged.session_id,
        judged.root_session_id,
        judged.turn_index,
        judged.started_at as timestamp,

        -- what the agent saw, did, and how the human reacted
        {{ json_object([
            ('conversation_context', 'contexts.conversation_context'),
            ('file_state', 'file_states.file_state'),
            ('phase_label', json_scalar('work_states.phase_label')),
            ('test_status', json_scalar('work_states.test_status')),
            ('error_logs', 'error_logs.error_logs'),
            ('current_task', json_scalar('judged.prompt')),
        ]) }} as observation,
        decisions.claude_action,
        {{ json_object([
            ('type', json_scalar('judged.reaction_type')),
            ('message', json_scalar('judged.reaction_message')),
            ('next_action', json_scalar('judged.next_directive')),
            ('confidence', json_scalar('judged.reaction_confidence')),
            ('source', json_scalar('judged.reaction_source')),
        ]) }} as user_reaction,
        turn_commits.commit_sha as correlated_commit,

        -- the same, flat
        judged.kind,
        judged.directive,
        work_states.phase_label,
        work_states.test_status,
        decisions.tool,
        decisions.action_id,
        judged.action_ids,
        judged.end_kind,
        judged.main_model,
        judged.agent_version,
        judged.reaction_type,
        judged.reaction_id,
        judged.reaction_source,
        judged.reaction_message_uuid,
        judged.incomplete_reason,
        taxonomy.taxonomy_version,

        -- numbers
        judged.reaction_confidence,
        contexts.omitted_messages,

        -- booleans
        judged.has_test_run,
        judged.incomplete_reason is null as is_complete,

        -- times
        {{ build_time() }} as created_at

    from judged
    inner join contexts
        on judged.session_id = contexts.session_id
        and judged.turn_index = contexts.turn_index
    inner join file_states
        on judged.session_id = file_states.session_id
        and judged.turn_index = file_states.turn_index
    inner join error_logs
        on judged.session_id = error_logs.session_id
        and judged.turn_index = error_logs.turn_index
    inner join work_states
        on judged.session_id = work_states.session_id
        and judged.turn_index = work_states.turn_index
    inner join decisions
        on judged.session_id = decisions.session_id
        and judged.turn_index = decisions.turn_index
    left join turn_commits
        on judged.session_id = turn_commits.root_session_id
        and judged.turn_index = turn_commits.turn_index
    cross join taxonomy

)

select * from final
