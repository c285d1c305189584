{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with commits as (

    select * from {{ ref('stg_git__commits') }}
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

-- A family is named after its first commit: the smallest number.
ordered as (

    select
        project_id,
        commit_sha,
        -- hosts add the number of the pull request
        {{ replaced('subject', "' \(#[0-9]+\)$'", "''") }} as title,
        authored_at,
        lower(author_name) as author_name,
        lower(author_email) as author_email,
        first_parent_sha,
        row_number() over (
            partition by project_id
            order by authored_at nulls last, committed_at nulls last, commit_sha
        ) as commit_number

    from commits
    where coalesce(parent_count, 0) < 2

),

unread as (

    select distinct
        project_id,
        commit_sha

    from commit_files
    where insertions is not null and (added_line_hashes is null or removed_line_hashes is null)

),

changed_lines as (

    select distinct
        project_id,
        commit_sha,
        concat_ws(':', side, line_hash, path) as changed_line

    from line_changes

),

-- What a commit changed, as a whole: the same lines of the same files, added and removed.
changes as (

    select
        changed_lines.project_id,
        changed_lines.commit_sha,
        count(*) as changed_lines,
        {{ set_fingerprint('changed_lines.changed_line') }} as changes_key

    from changed_lines
    left join unread
        on changed_lines.project_id = unread.project_id
        and changed_lines.commit_sha = unread.commit_sha
    where unread.commit_sha is null
    group by changed_lines.project_id, changed_lines.commit_sha

),

-- The same change a second time is a copy where the person or the subject is the same too; unknown is not the same.
keys as (

    {% for word, same in {'by': 'author_name', 'from': 'author_email', 'as': 'title'}.items() %}
        select
            ordered.project_id,
            ordered.commit_sha,
            ordered.first_parent_sha,
            ordered.commit_number,
            'same_changes' as copy_kind,
            concat_ws('|', changes.changes_key, '{{ word }}', ordered.{{ same }}) as copy_key

        from ordered
        inner join changes
            on ordered.project_id = changes.project_id
            and ordered.commit_sha = changes.commit_sha
        where changes.changed_lines >= {{ var('copy_lines') }} and ordered.{{ same }} != ''

        union all

    {% endfor %}
    -- A few lines can be the same by chance.
    select
        ordered.project_id,
        ordered.commit_sha,
        ordered.first_parent_sha,
        ordered.commit_number,
        'same_changes' as copy_kind,
        concat_ws('|', changes.changes_key, ordered.author_email, ordered.title) as copy_key

    from ordered
    inner join changes
        on ordered.project_id = changes.project_id
        and ordered.commit_sha = changes.commit_sha
    where
        changes.changed_lines < {{ var('copy_lines') }}
        and ordered.author_email != '' and ordered.title != ''

    union all

    -- Rebase and cherry-pick keep the author date and, mostly, the subject.
    select
        project_id,
        commit_sha,
        first_parent_sha,
        commit_number,
        'same_author_date_and_subject' as copy_kind,
        concat_ws('|', authored_at, title) as copy_key

    from ordered
    where authored_at is not null and title != ''

    union all

    -- Amend keeps the author date and at least one of the files.
    select distinct
        ordered.project_id,
        ordered.commit_sha,
        ordered.first_parent_sha,
        ordered.commit_number,
        'same_author_date_and_file' as copy_kind,
        concat_ws('|', ordered.authored_at, ordered.author_email, commit_files.path) as copy_key

    from ordered
    inner join commit_files
        on ordered.project_id = commit_files.project_id
        and ordered.commit_sha = commit_files.commit_sha
    where ordered.authored_at is not null and ordered.author_email != ''

),

-- A copy never follows its original directly: what does has the time in common by chance (several commits a second).
followers as (

    select distinct
        keys.project_id,
        keys.copy_kind,
        keys.copy_key

    from keys
    inner join keys as parents
        on keys.project_id = parents.project_id
        and keys.copy_kind = parents.copy_kind
        and keys.copy_key = parents.copy_key
        and keys.first_parent_sha = parents.commit_sha

),

shared_keys as (

    select
        keys.*,
        count(*) over (partition by keys.project_id, keys.copy_kind, keys.copy_key) as commits

    from keys
    left join followers
        on keys.project_id = followers.project_id
        and keys.copy_kind = followers.copy_kind
        and keys.copy_key = followers.copy_key
    where followers.copy_key is null

),

-- Each pass hands the smallest number on to all commits that share a key, and then to all keys of a commit.
pass_0 as (

    select
        project_id,
        commit_sha,
        copy_kind,
        copy_key,
        commit_number as family_number

    from shared_keys
    where commits between 2 and {{ var('copies_at_most') }}

),

{% for pass in range(1, var('copy_passes') + 1) %}
    key_{{ pass }} as (

        select
            project_id,
            commit_sha,
            copy_kind,
            copy_key,
            min(family_number) over (partition by project_id, copy_kind, copy_key) as family_number

        from pass_{{ pass - 1 }}

    ),

    pass_{{ pass }} as (

        select
            project_id,
            commit_sha,
            copy_kind,
            copy_key,
            min(family_number) over (partition by project_id, commit_sha) as family_number

        from key_{{ pass }}

    ),

{% endfor %}
families as (

    select
        copies.project_id,
        copies.commit_sha,
        firsts.commit_sha as family_id

    from pass_{{ var('copy_passes') }} as copies
    inner join ordered as firsts
        on copies.project_id = firsts.project_id
        and copies.family_number = firsts.commit_number
    group by copies.project_id, copies.commit_sha, firsts.commit_sha

),

-- What a copy has in common with the first of its family; nothing, where another copy stands between them.
kinds as (

    select
        families.project_id,
        families.commit_sha,
        min_by(own.copy_kind, case own.copy_kind
            when 'same_changes' then 1
            when 'same_author_date_and_subject' then 2
            else 3
        end) as copy_kind

    from families
    inner join shared_keys as own
        on families.project_id = own.project_id
        and families.commit_sha = own.commit_sha
    inner join shared_keys as firsts
        on families.project_id = firsts.project_id
        and families.family_id = firsts.commit_sha
        and own.copy_kind = firsts.copy_kind
        and own.copy_key = firsts.copy_key
    group by families.project_id, families.commit_sha

),

final as (

    select
        ordered.project_id,
        ordered.commit_sha,
        coalesce(families.family_id, ordered.commit_sha) as family_id,
        nullif(families.family_id, ordered.commit_sha) as copy_of_sha,
        case
            when families.family_id != ordered.commit_sha then coalesce(kinds.copy_kind, 'copy_of_a_copy')
        end as copy_kind

    from ordered
    left join families
        on ordered.project_id = families.project_id
        and ordered.commit_sha = families.commit_sha
    left join kinds
        on ordered.project_id = kinds.project_id
        and ordered.commit_sha = kinds.commit_sha

)

select * from final
