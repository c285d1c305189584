{{ config(materialized='incremental', meta={'states': ['projects']}) }}

{#- Chains of first parents are walked in doubling steps: after n passes 2^n commits back. -#}
with commits as (

    select * from {{ ref('stg_git__commits') }}
    where {{ in_changed_projects() }}

),

-- The default branch: by name, else the branch that reaches most commits.
default_refs as (

    select
        project_id,
        min_by(source_ref, (
            {% for branch in var('shared_branches') %}
                case when source_ref = 'refs/heads/{{ branch }}' then {{ loop.index }} else 1000 end,
            {% endfor %}
            -commits, source_ref
        )) as default_ref
    from (
        select
            project_id,
            source_ref,
            count(*) as commits
        from commits
        where {{ begins_with('source_ref', "'refs/heads/'") }}
        group by project_id, source_ref
    ) as refs
    group by project_id

),

main_commits as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.first_parent_sha,
        commits.parent_shas,
        commits.committed_at

    from commits
    inner join default_refs
        on commits.project_id = default_refs.project_id
        and commits.source_ref = default_refs.default_ref

),

parents as (

    select
        project_id,
        element as parent_sha

    from {{ explode('(select * from main_commits)', 'parent_shas') }}

),

-- Its newest commit: the one that no other of its commits has as a parent.
heads as (

    select
        main_commits.project_id,
        max_by(main_commits.commit_sha, (
            main_commits.committed_at is not null, main_commits.committed_at, main_commits.commit_sha
        )) as commit_sha

    from main_commits
    left join parents
        on main_commits.project_id = parents.project_id
        and main_commits.commit_sha = parents.parent_sha
    where parents.parent_sha is null
    group by main_commits.project_id

),

step_0 as (

    select
        project_id,
        commit_sha,
        first_parent_sha as back_sha

    from main_commits
    where first_parent_sha is not null

),

line_0 as (

    select
        project_id,
        commit_sha

    from heads

),

{% for pass in range(var('branch_passes')) %}
    line_{{ pass + 1 }} as (

        select
            project_id,
            commit_sha

        from line_{{ pass }}

        union

        select
            step_{{ pass }}.project_id,
            step_{{ pass }}.back_sha as commit_sha

        from line_{{ pass }}
        inner join step_{{ pass }}
            on line_{{ pass }}.project_id = step_{{ pass }}.project_id
            and line_{{ pass }}.commit_sha = step_{{ pass }}.commit_sha

    ),

    step_{{ pass + 1 }} as (

        select
            near.project_id,
            near.commit_sha,
            far.back_sha

        from step_{{ pass }} as near
        inner join step_{{ pass }} as far
            on near.project_id = far.project_id
            and near.back_sha = far.commit_sha

    ),
{% endfor %}

-- What is not on the default branch itself was made on another branch.
side_commits as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.first_parent_sha,
        commits.source_ref

    from commits
    inner join default_refs
        on commits.project_id = default_refs.project_id
    left join line_{{ var('branch_passes') }} as mainline
        on commits.project_id = mainline.project_id
        and commits.commit_sha = mainline.commit_sha
    where mainline.commit_sha is null

),

-- A merge says the name of the branch that it brought in: its second parent was the last commit there.
merge_commits as (

    select
        commits.project_id,
        {{ element_at('commits.parent_shas', 2) }} as tip_sha,
        commits.committed_at,
        coalesce(
            {% for pattern in var('merge_subjects') %}
                nullif(regexp_extract(commits.subject, {{ text_literal(pattern) }}, 1), ''){{ ',' if not loop.last }}
            {% endfor %}
        ) as branch

    from commits
    where commits.parent_count > 1

),

tips as (

    select
        project_id,
        tip_sha as commit_sha,
        min_by(branch, (committed_at, branch)) as branch

    from merge_commits
    where
        branch is not null
        and branch not in ({{ word_literals('shared_branches') }})
    group by project_id, tip_sha

),

back_0 as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.first_parent_sha as back_sha,
        cast(1 as bigint) as steps

    from side_commits as commits
    inner join side_commits as parents
        on commits.project_id = parents.project_id
        and commits.first_parent_sha = parents.commit_sha

),

walk_0 as (

    select
        tips.project_id,
        side_commits.commit_sha,
        tips.branch,
        cast(0 as bigint) as steps

    from tips
    inner join side_commits
        on tips.project_id = side_commits.project_id
        and tips.commit_sha = side_commits.commit_sha

),

{% for pass in range(var('branch_length_passes')) %}
    walk_{{ pass + 1 }} as (

        select
            project_id,
            commit_sha,
            branch,
            steps

        from walk_{{ pass }}

        union all

        select
            back_{{ pass }}.project_id,
            back_{{ pass }}.back_sha as commit_sha,
            walk_{{ pass }}.branch,
            walk_{{ pass }}.steps + back_{{ pass }}.steps as steps

        from walk_{{ pass }}
        inner join back_{{ pass }}
            on walk_{{ pass }}.project_id = back_{{ pass }}.project_id
            and walk_{{ pass }}.commit_sha = back_{{ pass }}.commit_sha

    ),

    back_{{ pass + 1 }} as (

        select
            near.project_id,
            near.commit_sha,
            far.back_sha,
            near.steps + far.steps as steps

        from back_{{ pass }} as near
        inner join back_{{ pass }} as far
            on near.project_id = far.project_id
            and near.back_sha = far.commit_sha

    ),
{% endfor %}

-- Of branches that were stacked on one another, the nearest merge has the name.
named as (

    select
        project_id,
        commit_sha,
        min_by(branch, (steps, branch)) as branch

    from walk_{{ var('branch_length_passes') }}
    group by project_id, commit_sha

),

final as (

    select
        side_commits.project_id,
        side_commits.commit_sha,
        coalesce(
            named.branch,
            case
                when
                    {{ begins_with('side_commits.source_ref', "'refs/heads/'") }}
                    and side_commits.source_ref != default_refs.default_ref
                    then substr(side_commits.source_ref, length('refs/heads/') + 1)
            end
        ) as branch

    from side_commits
    inner join default_refs
        on side_commits.project_id = default_refs.project_id
    left join named
        on side_commits.project_id = named.project_id
        and side_commits.commit_sha = named.commit_sha

)

select * from final
where branch is not null
