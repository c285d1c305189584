-- The public tables say only what their descriptions and the seeds say: one query instead of a test per column.
-- Where a word comes from a seed, the seed is the list.
{%- set closed_lists = [
    ('messages', 'role', ['user', 'assistant']),
    ('messages', 'provenance', ['assistant', 'agent_progress', 'subagent_file']),
    ('tool_calls', 'provenance', ['assistant', 'agent_progress', 'subagent_file']),
    ('token_usage', 'provenance', ['assistant', 'agent_progress', 'subagent_file']),
    ('sessions', 'completeness', ['complete', 'unanswered tool calls', 'malformed lines', 'empty']),
    ('turns', 'end_kind', ['next_prompt', 'interrupt', 'refusal', 'compaction', 'end_of_log']),
    ('turns', 'directive', ['explore', 'plan', 'implement', 'refactor', 'verify', 'debug', 'integrate', 'other']),
    ('episodes', 'test_status', ['passed', 'failed', 'unknown', 'none']),
    ('episodes', 'reaction_source', ['signal', 'rule', 'behaviour', 'none']),
    ('commit_files', 'status', ['added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed']),
] -%}
{%- set seeds = [
    ('tool_calls', 'error_kind', 'tool_error_rules', 'error_kind'),
    ('tool_calls', 'action_id', 'action_taxonomy', 'action_id'),
    ('episodes', 'action_id', 'action_taxonomy', 'action_id'),
    ('episodes', 'phase_label', 'phase_rules', 'phase_label'),
    ('episodes', 'reaction_id', 'reaction_taxonomy', 'reaction_id'),
    ('episodes', 'reaction_type', 'reaction_taxonomy', 'reaction_id'),
    ('file_touches', 'touch_kind', 'file_touch_rules', 'touch_kind'),
    ('commits', 'commit_type', 'conventional_types', 'commit_type'),
    ('commits', 'ai_attribution', 'ai_attribution', 'agent'),
] %}

with failures as (

    {% for mart, column, values in closed_lists %}
        select
            '{{ mart }}.{{ column }}' as subject,
            {{ column }} as found,
            count(*) as affected

        from {{ ref(mart) }}
        where {{ column }} not in ('{{ values | join("', '") }}')
        group by {{ column }}

        union all

    {% endfor %}
    {% for mart, column, seed, seed_column in seeds %}
        select
            '{{ mart }}.{{ column }}' as subject,
            {{ column }} as found,
            count(*) as affected

        from {{ ref(mart) }}
        where {{ column }} is not null and {{ column }} not in (select {{ seed_column }} from {{ ref(seed) }})
        group by {{ column }}

        union all

    {% endfor %}
    -- what is neither a user's message by the rules nor one of the agent's own three kinds
    select
        'messages.kind' as subject,
        messages.kind as found,
        count(*) as affected

    from {{ ref('messages') }} as messages
    where
        (
            messages.role = 'user'
            and messages.kind not in (select rules.message_kind from {{ ref('message_kind_rules') }} as rules)
        )
        or (messages.role = 'assistant' and messages.kind not in ('assistant', 'api_error', 'synthetic'))
    group by messages.kind

)

select * from failures
