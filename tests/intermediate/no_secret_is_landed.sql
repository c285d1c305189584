-- Nothing that is landed holds a secret in the clear, as far as its form tells (macros/privacy.sql): lines of
-- transcripts (looked at when their session changed), git, labels, the registry, what the program said. The engine's
-- own check, for every rule and at every depth, is `python -m ingest redact --check`.
{%- set texts = [
    ('commits', 'stg_git__commits',
        ['message', 'author_name', 'author_email', 'committer_name', 'committer_email', 'source_ref']),
    ('commit files', 'stg_git__commit_files', ['path', 'old_path']),
    ('reflog', 'stg_git__reflog', ['ref', 'action', 'message']),
    ('labels', 'stg_validation__labels', ['subject_id', 'label', 'labelled_by', 'note']),
    ('registry', 'stg_registry__projects', ['name', 'repository', 'git_metadata_path', 'notes']),
    ('file names', 'stg_claude_code__session_files', ['path', 'sidecar']),
    ('reading errors', 'stg_operations__parse_errors', ['path', 'reason', 'detail']),
    ('run log', 'stg_operations__ingest_runs', ['counts', 'error']),
    ('dbt', 'stg_operations__dbt_results', ['message']),
] %}

with texts as (

    {% for place, relation, columns in texts %}
        select
            '{{ place }}' as place,
            concat_ws(chr(10), {{ columns | join(', ') }}) as text

        from {{ ref(relation) }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

exposed as (

    select
        place,
        rule_id,
        secret_characters

    from {{ exposed_secrets('texts', ['place'], 'place') }}

    union all

    select
        concat(project_id, ' ', file_id, ':', line_number) as place,
        rule_id,
        secret_characters

    from {{ ref('int_sessions__exposed_secrets') }}

)

select * from exposed
