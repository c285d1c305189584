{#- Texts that are landed beside the lines of transcripts: kind of place, relation, columns of text, place, time. -#}
{%- set texts = [
    ('commit', 'stg_git__commits',
        ['message', 'author_name', 'author_email', 'committer_name', 'committer_email', 'source_ref'],
        'commit_sha', 'committed_at'),
    ('reflog', 'stg_git__reflog', ['ref', 'action', 'message'], 'ref', 'moved_at'),
    ('label', 'stg_validation__labels', ['label', 'labelled_by', 'note'], 'subject_id', 'labelled_at'),
    ('project', 'stg_registry__projects', ['name', 'repository', 'git_metadata_path', 'notes'], 'project_id', 'added_at'),
    ('run', 'stg_operations__ingest_runs', ['counts', 'error'], 'run_id', 'ended_at'),
    ('reading error', 'stg_operations__parse_errors', ['path', 'reason', 'detail'], 'path', 'cast(null as timestamp)'),
    ('file name', 'stg_claude_code__session_files', ['path', 'sidecar'], 'file_id', 'cast(null as timestamp)'),
] -%}

with redactions as (

    select * from {{ ref('stg_operations__redactions') }}

),

records as (

    select * from {{ ref('stg_claude_code__records') }}

),

session_projects as (

    select * from {{ ref('int_sessions__projects') }}

),

commit_files as (

    select * from {{ ref('stg_git__commit_files') }}

),

commits as (

    select * from {{ ref('stg_git__commits') }}

),

in_transcripts as (

    select
        coalesce(session_projects.project_id, redactions.project_id) as project_id,
        case when records.provenance != 'assistant' then 'subagent' else 'session' end as place_kind,
        coalesce(records.session_id, redactions.path) as place_id,
        redactions.token,
        records.sent_at as seen_at

    from redactions
    left join records
        on redactions.file_id = records.file_id
        and redactions.line_number = records.line_number
    left join session_projects
        on records.root_session_id = session_projects.root_session_id
    where redactions.file_id is not null

),

-- What lies beside a transcript has no records. Of commits, without a file too, more is known from their own text.
in_results as (

    select
        project_id,
        'tool result' as place_kind,
        path as place_id,
        token,
        cast(null as timestamp) as seen_at

    from redactions
    where file_id is null and path like 'sessions/%'

),

in_paths as (

    select
        commit_files.project_id,
        'commit file' as place_kind,
        commit_files.commit_sha as place_id,
        concat_ws(' ', commit_files.path, commit_files.old_path) as text,
        commits.committed_at as seen_at

    from commit_files
    left join commits
        on commit_files.project_id = commits.project_id
        and commit_files.commit_sha = commits.commit_sha
    where commit_files.path like '%[REDACTED:%' or commit_files.old_path like '%[REDACTED:%'

),

in_texts as (

    {% for place_kind, relation, columns, place_id, seen_at in texts %}
        select
            project_id,
            '{{ place_kind }}' as place_kind,
            {{ place_id }} as place_id,
            concat_ws(' ', {{ columns | join(', ') }}) as text,
            {{ seen_at }} as seen_at

        from {{ ref(relation) }}
        where concat_ws(' ', {{ columns | join(', ') }}) like '%[REDACTED:%'

        union all

    {% endfor %}
    select * from in_paths

),

found as (

    select
        project_id,
        place_kind,
        place_id,
        unnest({{ redaction_tokens('text') }}) as token,
        seen_at

    from in_texts

    union all

    select * from in_transcripts

    union all

    select * from in_results

),

final as (

    select
        project_id,
        place_kind,
        place_id,
        {{ secret_of('token') }} as secret_id,
        split_part(token, ':', 2) as rule_id,
        token,
        count(*) as redactions,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at

    from found
    group by project_id, place_kind, place_id, token

)

select * from final
