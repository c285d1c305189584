{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with line_evidence as (

    select * from {{ ref('int_correlations__line_evidence') }}
    where {{ in_changed_projects() }}

),

file_evidence as (

    select * from {{ ref('int_correlations__file_evidence') }}
    where {{ in_changed_projects() }} and event_kind = 'changed'

),

activity as (

    select * from {{ ref('int_correlations__activity') }}
    where {{ in_changed_projects() }}

),

by_lines as (

    select
        project_id,
        commit_sha,
        root_session_id,
        row_number() over (
            partition by project_id, commit_sha
            order by sum(last_weight) desc, sum(matched_weight) desc, root_session_id
        ) as way_rank

    from line_evidence
    group by project_id, commit_sha, root_session_id

),

by_files as (

    select
        project_id,
        commit_sha,
        root_session_id,
        row_number() over (
            partition by project_id, commit_sha
            order by last_touched_at desc, root_session_id
        ) as way_rank

    from file_evidence

),

found as (

    {% for way in ['by_lines', 'by_files'] %}
        select
            project_id,
            commit_sha,
            root_session_id

        from {{ way }}
        where way_rank <= {{ var('candidates_per_way') }}

        union

    {% endfor %}
    select
        project_id,
        commit_sha,
        root_session_id

    from activity

    union

    select
        project_id,
        commit_sha,
        root_session_id

    from {{ ref('int_correlations__mentions') }}
    where {{ in_changed_projects() }}

)

select * from found
