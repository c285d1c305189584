with commits as (

    select * from {{ ref('stg_git__commits') }}

),

trailer_keys as (

    select * from {{ ref('session_trailers') }}

),

identities as (

    select * from {{ ref('int_sessions__identities') }}

),

projects as (

    select * from {{ ref('int_sessions__projects') }}

),

bridges as (

    select distinct
        root_session_id,
        session_id,
        bridge_reference

    from {{ ref('stg_claude_code__bridges') }}

),

{% set line_pattern = text_literal(var('session_trailer_line')) %}

-- The whole message is read: tools leave blank lines between trailers, and squashed messages hold several blocks.
message_lines as (

    select
        project_id,
        commit_sha,
        regexp_extract(element, {{ line_pattern }}, 1) as line_key,
        regexp_extract(element, {{ line_pattern }}, 2) as written_id

    from {{ explode('(select *, ' ~ split_lines('message') ~ ' as lines from commits)', 'lines') }}
    where {{ matches('element', line_pattern) }}

),

written as (

    select
        message_lines.project_id,
        message_lines.commit_sha,
        message_lines.written_id,
        {{ session_name('message_lines.written_id') }} as session_name,
        min(trailer_keys.trailer_key) as trailer_key,
        case
            {% for kind, pattern in var('session_id_kinds').items() %}
                when {{ matches('message_lines.written_id', text_literal(pattern)) }} then '{{ kind }}'
            {% endfor %}
            else 'other'
        end as id_kind

    from message_lines
    inner join trailer_keys
        on lower(message_lines.line_key) = lower(trailer_keys.trailer_key)
    group by message_lines.project_id, message_lines.commit_sha, message_lines.written_id

),

-- The names that a session of the project goes by.
names as (

    select
        projects.project_id,
        identities.session_id,
        identities.root_session_id,
        lower(identities.session_id) as session_name

    from identities
    inner join projects
        on identities.root_session_id = projects.root_session_id

    union all

    -- A subagent writes its own id, which is the last part of `<parent>/agent-<id>`.
    select
        projects.project_id,
        identities.session_id,
        identities.root_session_id,
        lower(split_part(identities.session_id, '/', 2)) as session_name

    from identities
    inner join projects
        on identities.root_session_id = projects.root_session_id
    where identities.session_id != identities.root_session_id

    union all

    -- A session that is driven from elsewhere has a name and an address there.
    select
        projects.project_id,
        bridges.session_id,
        bridges.root_session_id,
        {{ session_name('bridges.bridge_reference') }} as session_name

    from bridges
    inner join projects
        on bridges.root_session_id = projects.root_session_id

),

-- Subagents' ids repeat between sessions: one that is no single session's is not resolved.
known_names as (

    select
        project_id,
        session_name,
        min(session_id) as session_id,
        min(root_session_id) as root_session_id

    from names
    where session_name != ''
    group by project_id, session_name
    having count(distinct root_session_id) = 1

),

final as (

    select
        written.project_id,
        written.commit_sha,
        written.trailer_key,
        written.written_id,
        written.id_kind,
        known_names.session_id,
        known_names.root_session_id

    from written
    left join known_names
        on written.project_id = known_names.project_id
        and written.session_name = known_names.session_name

)

select * from final
