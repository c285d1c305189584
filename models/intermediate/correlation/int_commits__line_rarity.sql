{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with line_changes as (

    select * from {{ ref('int_commits__line_changes') }}
    where {{ in_changed_projects() }}

),

families as (

    select * from {{ ref('int_commits__families') }}
    where {{ in_changed_projects() }}

),

-- A copy says nothing new: how common a line is, is counted in families.
final as (

    select
        line_changes.project_id,
        line_changes.side,
        line_changes.line_hash,
        count(distinct families.family_id) as families,
        count(distinct families.family_id) > {{ var('common_line_families') }} as is_common

    from line_changes
    inner join families
        on line_changes.project_id = families.project_id
        and line_changes.commit_sha = families.commit_sha
    group by line_changes.project_id, line_changes.side, line_changes.line_hash

)

select * from final
