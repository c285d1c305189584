with registry as (

    select * from {{ ref('stg_registry__projects') }}

),

sessions as (

    select * from {{ ref('sessions') }}

),

commits as (

    select * from {{ ref('commits') }}

),

parse_errors as (

    select * from {{ ref('stg_operations__parse_errors') }}

),

session_counts as (

    select
        project_id,
        count(*) filter (where not is_subagent) as sessions,
        count(*) filter (where is_subagent) as subagent_sessions,
        cast(sum(tool_calls) as bigint) as tool_calls,
        cast(sum(total_tokens) as bigint) as total_tokens,
        cast(sum(cost_usd) as decimal(18, 8)) as cost_usd,
        min(started_at) as first_session_at,
        max(ended_at) as last_session_at

    from sessions
    group by project_id

),

gates as (

    select * from {{ ref('int_correlations__gates') }}

),

commit_counts as (

    select
        project_id,
        count(*) as commits,
        count(*) filter (where is_merge) as merge_commits,
        count(*) filter (where is_bot) as bot_commits,
        count(*) filter (where linked_session_id is not null) as linked_commits,
        max(committed_at) as last_commit_at

    from commits
    group by project_id

),

error_counts as (

    select
        project_id,
        count(*) as parse_errors

    from parse_errors
    group by project_id

),

final as (

    select
        -- ids
        registry.project_id,

        -- text
        registry.name,
        registry.status,
        gates.gate as correlation_gate,

        -- numbers
        registry.instrumentation_tier,
        coalesce(session_counts.sessions, 0) as sessions,
        coalesce(session_counts.subagent_sessions, 0) as subagent_sessions,
        coalesce(session_counts.tool_calls, 0) as tool_calls,
        coalesce(session_counts.total_tokens, 0) as total_tokens,
        cast(coalesce(session_counts.cost_usd, 0) as decimal(18, 8)) as cost_usd,
        coalesce(commit_counts.commits, 0) as commits,
        coalesce(commit_counts.merge_commits, 0) as merge_commits,
        coalesce(commit_counts.bot_commits, 0) as bot_commits,
        coalesce(commit_counts.linked_commits, 0) as linked_commits,
        gates.link_precision,
        gates.link_recall,
        coalesce(error_counts.parse_errors, 0) as parse_errors,

        -- booleans
        coalesce(gates.is_measured, false) as is_link_precision_measured,

        -- times
        registry.added_at,
        session_counts.first_session_at,
        session_counts.last_session_at,
        commit_counts.last_commit_at

    from registry
    left join session_counts
        on registry.project_id = session_counts.project_id
    left join commit_counts
        on registry.project_id = commit_counts.project_id
    left join gates
        on registry.project_id = gates.project_id
    left join error_counts
        on registry.project_id = error_counts.project_id

)

select * from final
