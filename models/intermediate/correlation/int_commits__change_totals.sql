{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with commits as (

    select * from {{ ref('int_commits__states') }}
    where {{ in_changed_projects() }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}
    where {{ in_changed_projects() }}

),

line_changes as (

    select * from {{ ref('int_commits__line_changes') }}
    where {{ in_changed_projects() }}

),

rarity as (

    select * from {{ ref('int_commits__line_rarity') }}
    where {{ in_changed_projects() }}

),

files as (

    select
        project_id,
        commit_sha,
        count(*) as files

    from commit_files
    group by project_id, commit_sha

),

distinct_lines as (

    select
        project_id,
        commit_sha,
        side,
        line_hash

    from line_changes
    group by project_id, commit_sha, side, line_hash

),

lines as (

    select
        distinct_lines.project_id,
        distinct_lines.commit_sha,
        {% for side in ['added', 'removed'] %}
            count(*) filter (where distinct_lines.side = '{{ side }}') as {{ side }}_lines,
            cast(coalesce(
                sum({{ line_weight('rarity.families') }}) filter (where distinct_lines.side = '{{ side }}'), 0
            ) as bigint) as {{ side }}_weight{% if not loop.last %},{% endif %}
        {% endfor %}

    from distinct_lines
    inner join rarity
        on distinct_lines.project_id = rarity.project_id
        and distinct_lines.side = rarity.side
        and distinct_lines.line_hash = rarity.line_hash
    group by distinct_lines.project_id, distinct_lines.commit_sha

),

final as (

    select
        commits.project_id,
        commits.commit_sha,
        coalesce(files.files, 0) as commit_files,
        {% for side in ['added', 'removed'] %}
            coalesce(lines.{{ side }}_lines, 0) as commit_{{ side }}_lines,
            coalesce(lines.{{ side }}_weight, 0) as commit_{{ side }}_weight{% if not loop.last %},{% endif %}
        {% endfor %}

    from commits
    left join files
        on commits.project_id = files.project_id
        and commits.commit_sha = files.commit_sha
    left join lines
        on commits.project_id = lines.project_id
        and commits.commit_sha = lines.commit_sha

)

select * from final
