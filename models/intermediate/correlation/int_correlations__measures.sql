{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with candidates as (

    select * from {{ ref('int_correlations__candidates') }}
    where {{ in_changed_projects() }}

),

match_states as (

    select * from {{ ref('int_commits__match_states') }}
    where {{ in_changed_projects() }}

),

totals as (

    select * from {{ ref('int_commits__change_totals') }}
    where {{ in_changed_projects() }}

),

line_evidence as (

    select * from {{ ref('int_correlations__line_evidence') }}
    where {{ in_changed_projects() }}

),

file_evidence as (

    select * from {{ ref('int_correlations__file_evidence') }}
    where {{ in_changed_projects() }}

),

spans as (

    select * from {{ ref('int_sessions__spans') }}

),

words as (

    select * from {{ ref('int_correlations__word_evidence') }}
    where {{ in_changed_projects() }}

),

authors as (

    select * from {{ ref('int_correlations__author_evidence') }}
    where {{ in_changed_projects() }}

),

active as (

    select
        candidates.project_id,
        candidates.commit_sha,
        candidates.root_session_id,
        least(max(spans.ended_at), max(match_states.made_before)) as last_active_at,
        max(spans.ended_at) >= max(match_states.made_before) as is_inside,
        max_by(spans.git_branch, spans.span_index) as git_branch

    from candidates
    inner join match_states
        on candidates.project_id = match_states.project_id
        and candidates.commit_sha = match_states.commit_sha
    inner join spans
        on candidates.root_session_id = spans.root_session_id
        and match_states.made_before >= spans.started_at
    group by candidates.project_id, candidates.commit_sha, candidates.root_session_id

),

branched as (

    select
        active.project_id,
        active.commit_sha,
        active.root_session_id,
        bool_or(branches.branch = active.git_branch) as is_same_branch

    from active
    inner join {{ ref('int_correlations__branches') }} as branches
        on active.project_id = branches.project_id
        and active.commit_sha = branches.commit_sha
    where active.git_branch is not null
    group by active.project_id, active.commit_sha, active.root_session_id

),

final as (

    select
        -- ids
        candidates.project_id,
        candidates.commit_sha,
        candidates.root_session_id,

        -- lines
        {% for side in ['added', 'removed'] %}
            coalesce({{ side }}_lines.matched_lines, 0) as matched_{{ side }}_lines,
            coalesce({{ side }}_lines.last_lines, 0) as last_{{ side }}_lines,
            totals.commit_{{ side }}_lines,
            coalesce({{ side }}_lines.last_weight, 0) as last_{{ side }}_weight,
            totals.commit_{{ side }}_weight,
        {% endfor %}

        -- files
        coalesce(changed_files.matched_files, 0) as changed_files,
        coalesce(changed_files.last_files, 0) as last_changed_files,
        coalesce(changed_files.committed_files, 0) as committed_files,
        coalesce(read_files.matched_files, 0) as read_files,
        totals.commit_files,

        -- text
        active.git_branch,

        -- numbers
        coalesce(words.words_share, 0) as words_share,
        coalesce(authors.author_share, 0) as author_share,
        {% for moment in ['edit', 'read', 'active'] %}
            {{ ms_between(
                {'edit': 'changed_files', 'read': 'read_files'}.get(moment, 'active')
                ~ ('.last_active_at' if moment == 'active' else '.last_touched_at'), 'match_states.made_before'
            ) }} as ms_since_{{ moment }},
        {% endfor %}

        -- booleans
        coalesce(active.is_inside, false) as is_inside,
        -- null where the branch of the commit or of the session is not known
        branched.is_same_branch,

        -- times
        match_states.made_before,
        changed_files.last_touched_at as last_edit_at,
        read_files.last_touched_at as last_read_at,
        active.last_active_at

    from candidates
    inner join match_states
        on candidates.project_id = match_states.project_id
        and candidates.commit_sha = match_states.commit_sha
    inner join totals
        on candidates.project_id = totals.project_id
        and candidates.commit_sha = totals.commit_sha
    {% for side in ['added', 'removed'] %}
        left join line_evidence as {{ side }}_lines
            on candidates.project_id = {{ side }}_lines.project_id
            and candidates.commit_sha = {{ side }}_lines.commit_sha
            and candidates.root_session_id = {{ side }}_lines.root_session_id
            and {{ side }}_lines.side = '{{ side }}'
    {% endfor %}
    {% for event_kind in ['changed', 'read'] %}
        left join file_evidence as {{ event_kind }}_files
            on candidates.project_id = {{ event_kind }}_files.project_id
            and candidates.commit_sha = {{ event_kind }}_files.commit_sha
            and candidates.root_session_id = {{ event_kind }}_files.root_session_id
            and {{ event_kind }}_files.event_kind = '{{ event_kind }}'
    {% endfor %}
    left join active
        on candidates.project_id = active.project_id
        and candidates.commit_sha = active.commit_sha
        and candidates.root_session_id = active.root_session_id
    left join branched
        on candidates.project_id = branched.project_id
        and candidates.commit_sha = branched.commit_sha
        and candidates.root_session_id = branched.root_session_id
    left join words
        on candidates.project_id = words.project_id
        and candidates.commit_sha = words.commit_sha
        and candidates.root_session_id = words.root_session_id
    left join authors
        on candidates.project_id = authors.project_id
        and candidates.commit_sha = authors.commit_sha
        and candidates.root_session_id = authors.root_session_id

)

select * from final
