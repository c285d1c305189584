{#- What `sync --commit` writes: the archive's own commits, which nobody worked on. -#}
{%- set data_commit = '(?:^|\\n)' ~ var('data_commit_trailer') ~ ':[ \\t]' -%}

with commits as (

    select * from {{ ref('stg_git__commits') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

bots as (

    select * from {{ ref('bot_authors') }}

),

authors as (

    select distinct
        author_name,
        author_email

    from commits

),

bot_authors as (

    select distinct
        authors.author_name,
        authors.author_email

    from authors
    inner join bots
        on {{ matches('authors.author_name', 'bots.pattern') }}
        or {{ matches('authors.author_email', 'bots.pattern') }}

),

with_files as (

    select distinct
        project_id,
        commit_sha

    from commit_files

),

-- Histories that somebody else wrote may name no files at all.
projects_with_files as (

    select distinct project_id

    from commit_files

),

judged as (

    select
        commits.project_id,
        commits.commit_sha,
        coalesce(commits.parent_count > 1, false) as is_merge,
        bot_authors.author_name is not null
        or bot_authors.author_email is not null
        or coalesce({{ matches('commits.message', text_literal(data_commit)) }}, false) as is_bot,
        coalesce(
            {{ matches('commits.subject', text_literal(var('revert_subject'))) }}
            or {{ matches('commits.message', text_literal(var('revert_body'))) }},
            false
        ) as is_revert,
        nullif(regexp_extract(commits.message, {{ text_literal(var('revert_body')) }}, 1), '') as reverted_sha,
        projects_with_files.project_id is not null
        and with_files.commit_sha is null
        and not commits.is_boundary as is_empty

    from commits
    left join bot_authors
        on commits.author_name is not distinct from bot_authors.author_name
        and commits.author_email is not distinct from bot_authors.author_email
    left join with_files
        on commits.project_id = with_files.project_id
        and commits.commit_sha = with_files.commit_sha
    left join projects_with_files
        on commits.project_id = projects_with_files.project_id

),

final as (

    select
        project_id,
        commit_sha,
        case
            when is_merge then 'merge'
            when is_bot then 'bot'
            when is_revert then 'revert'
            when is_empty then 'empty'
        end as policy_reason,
        reverted_sha,
        is_merge,
        is_bot,
        is_revert

    from judged

)

select * from final
