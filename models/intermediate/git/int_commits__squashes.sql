{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with commits as (

    select * from {{ ref('stg_git__commits') }}
    where {{ in_changed_projects() }}

),

families as (

    select * from {{ ref('int_commits__families') }}
    where {{ in_changed_projects() }}

),

line_changes as (

    select * from {{ ref('int_commits__line_changes') }}
    where {{ in_changed_projects() }}

),

-- `source_ref` is the first ref that reaches a commit: the default branch, where most commits are, then by name.
default_refs as (

    select
        project_id,
        max_by(source_ref, (commits, source_ref)) as default_ref
    from (
        select
            project_id,
            source_ref,
            count(*) as commits
        from commits
        where source_ref is not null
        group by project_id, source_ref
    ) as refs
    group by project_id

),

placed as (

    select
        commits.project_id,
        commits.commit_sha,
        families.family_id,
        commits.subject,
        commits.message,
        commits.authored_at,
        commits.committed_at,
        -- refs in the order in which they are followed; what no ref reaches comes last
        case
            when not commits.is_reachable then '3'
            when commits.source_ref = default_refs.default_ref then '1'
            else '2' || commits.source_ref
        end as ref_place
    from commits
    inner join families
        on commits.project_id = families.project_id
        and commits.commit_sha = families.commit_sha
    left join default_refs
        on commits.project_id = default_refs.project_id

),

message_lines as (

    select
        project_id,
        commit_sha,
        trim(substr(element, 3)) as subject

    from {{ explode(
        '(select project_id, commit_sha, ' ~ split_lines('message') ~ ' as lines from placed)', 'lines'
    ) }}
    where {{ begins_with('element', "'* '") }}

),

-- Hosts list the subjects of what they squashed, one `* subject` a line.
rare_subjects as (

    select
        project_id,
        subject

    from placed
    group by project_id, subject
    having count(*) <= {{ var('squash_subject_commits') }}

),

named as (

    select distinct
        message_lines.project_id,
        message_lines.commit_sha as squash_sha,
        message_lines.subject,
        placed.commit_sha as contained_sha,
        placed.ref_place

    from message_lines
    inner join rare_subjects
        on message_lines.project_id = rare_subjects.project_id
        and message_lines.subject = rare_subjects.subject
    inner join placed
        on message_lines.project_id = placed.project_id
        and message_lines.subject = placed.subject
        and message_lines.commit_sha != placed.commit_sha

),

named_places as (

    select
        project_id,
        squash_sha,
        ref_place,
        count(distinct subject) as subjects

    from named
    group by project_id, squash_sha, ref_place

),

-- The same subject stands on many branches: meant is the one that holds most of the list.
listed as (

    select
        named.project_id,
        named.squash_sha,
        named.contained_sha,
        rank() over (
            partition by named.project_id, named.squash_sha, named.subject order by named_places.subjects desc
        ) as place_rank

    from named
    inner join named_places
        on named.project_id = named_places.project_id
        and named.squash_sha = named_places.squash_sha
        and named.ref_place = named_places.ref_place

),

added as (

    select distinct
        line_changes.project_id,
        line_changes.commit_sha,
        placed.family_id,
        line_changes.path,
        line_changes.line_hash

    from line_changes
    inner join placed
        on line_changes.project_id = placed.project_id
        and line_changes.commit_sha = placed.commit_sha
    where line_changes.side = 'added'

),

-- A line that few commits added tells which of them holds it.
rare_lines as (

    select
        project_id,
        path,
        line_hash

    from added
    group by project_id, path, line_hash
    having count(*) <= {{ var('squash_rare_commits') }} and count(distinct family_id) > 1

),

rare as (

    select added.*
    from added
    inner join rare_lines
        on added.project_id = rare_lines.project_id
        and added.path = rare_lines.path
        and added.line_hash = rare_lines.line_hash

),

added_lines as (

    select
        project_id,
        commit_sha,
        count(*) as lines

    from added
    group by project_id, commit_sha

),

common_lines as (

    select
        whole.project_id,
        whole.commit_sha as squash_sha,
        part.commit_sha as contained_sha,
        count(*) as lines

    from rare as whole
    inner join rare as part
        on whole.project_id = part.project_id
        and whole.path = part.path
        and whole.line_hash = part.line_hash
        and whole.family_id != part.family_id
    group by whole.project_id, whole.commit_sha, part.commit_sha

),

pairs as (

    select
        project_id,
        squash_sha,
        contained_sha,
        max(lines) as lines,
        max(is_listed) as is_listed

    from (
        select
            project_id,
            squash_sha,
            contained_sha,
            0 as lines,
            1 as is_listed

        from listed
        where place_rank = 1

        union all

        select
            project_id,
            squash_sha,
            contained_sha,
            lines,
            0 as is_listed

        from common_lines
    ) as found
    group by project_id, squash_sha, contained_sha

),

measured as (

    select
        pairs.project_id,
        pairs.squash_sha,
        pairs.contained_sha,
        case when pairs.is_listed = 1 then 'listed_subject' else 'lines' end as found_by,
        pairs.lines as contained_lines,
        round(pairs.lines / nullif(added_lines.lines, 0), 6) as contained_share,
        coalesce(added_lines.lines, 0) as added_lines

    from pairs
    inner join placed as squashes
        on pairs.project_id = squashes.project_id
        and pairs.squash_sha = squashes.commit_sha
    inner join placed as contained
        on pairs.project_id = contained.project_id
        and pairs.contained_sha = contained.commit_sha
    left join added_lines
        on pairs.project_id = added_lines.project_id
        and pairs.contained_sha = added_lines.commit_sha
    where
        squashes.family_id != contained.family_id
        and contained.authored_at < squashes.committed_at
        -- what only a later ref reaches is no ancestor of the squash
        and contained.ref_place > squashes.ref_place

),

final as (

    select
        project_id,
        squash_sha,
        contained_sha,
        found_by,
        contained_lines,
        contained_share

    from measured
    where
        found_by = 'listed_subject'
        or (contained_share >= {{ var('squash_share') }} and added_lines >= {{ var('squash_lines') }})

)

select * from final
