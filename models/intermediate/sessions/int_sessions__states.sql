with roots as (

    select * from {{ ref('stg_claude_code__session_roots') }}

),

projects as (

    select * from {{ ref('int_sessions__projects') }}

),

ownership as (

    select
        root_session_id,
        md5({{ ordered_text(
            "concat_ws(':', key_kind, record_key, owner_root_session_id)",
            "','",
            'key_kind, record_key'
        ) }}) as ownership_hash

    from {{ ref('int_records__owners') }}
    group by root_session_id

),

titles as (

    select
        root_session_id,
        md5({{ ordered_text("session_id || ':' || title", "','", 'session_id') }}) as titles_hash

    from {{ ref('int_sessions__titles') }}
    group by root_session_id

),

final as (

    select
        roots.root_session_id,
        projects.project_id,
        md5(concat_ws(
            '|',
            roots.state_hash,
            projects.project_id,
            coalesce(ownership.ownership_hash, ''),
            coalesce(titles.titles_hash, '')
        )) as state_hash

    from roots
    inner join projects
        on roots.root_session_id = projects.root_session_id
    left join ownership
        on roots.root_session_id = ownership.root_session_id
    left join titles
        on roots.root_session_id = titles.root_session_id

)

select * from final
