-- Sessions of people, the newest first, with their subagents' work and the commits that are linked to them.
with kept as (

    select
        linked_session_id as session_id,
        list(
            left(commit_sha, 7) || ' ' || coalesce(left(subject, 300), '')
            order by authored_at, commit_sha
        )[:3] as first_commits
    from commits
    where linked_session_id is not null
    group by all

),

reactions as (

    select
        session_id,
        count(*) filter (where reaction_type != 'unknown') as reactions,
        count(*) filter (where is_objection(reaction_type)) as objections
    from episodes
    group by all

)

select
    session_id,
    project_id,
    local_time(started_at) as started,
    left(coalesce(title, first_prompt), 300) as title,
    main_model as model,
    turns,
    tool_calls_with_subagents as tool_calls,
    active_seconds,
    total_tokens_with_subagents as tokens,
    cost_usd_with_subagents as cost_usd,
    has_final_tokens,
    is_priced,
    linked_commits as commits,
    first_commits,
    coalesce(reactions, 0) as reactions,
    coalesce(objections, 0) as objections,
    completeness
from sessions
left join kept using (session_id)
left join reactions using (session_id)
where not is_subagent
order by started_at desc nulls last, session_id
