{{ config(materialized='incremental', meta={'states': ['int_commits__states']}) }}

with files as (

    select
        *,
        project_id || '/' || commit_sha as commit_id

    from {{ ref('stg_git__commit_files') }}
    where {{ in_changed_commits(column="project_id || '/' || commit_sha") }}

),

{% for side in ['added', 'removed'] %}
    {{ side }} as (

        select
            commit_id,
            project_id,
            commit_sha,
            file_index,
            path,
            '{{ side }}' as side,
            element as line_hash

        from {{ explode('(select * from files)', side ~ '_line_hashes') }}

    ),

{% endfor %}
every_line as (

    select * from added

    union all

    select * from removed

),

final as (

    select
        commit_id,
        project_id,
        commit_sha,
        file_index,
        path,
        side,
        line_hash,
        count(*) as lines

    from every_line
    group by commit_id, project_id, commit_sha, file_index, path, side, line_hash

)

select * from final
