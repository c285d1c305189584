with sessions as (

    select * from {{ ref('int_sessions__states') }}

),

commits as (

    select
        commits.project_id,
        commits.commit_sha,
        families.family_id,
        commits.authored_at,
        {{ comparable_subject('commits.subject') }} as subject

    from {{ ref('stg_git__commits') }} as commits
    inner join {{ ref('int_commits__families') }} as families
        on commits.project_id = families.project_id
        and commits.commit_sha = families.commit_sha

),

trailers as (

    select * from {{ ref('int_commits__session_trailers') }}
    where root_session_id is not null

),

announcements as (

    select
        sessions.project_id,
        announcements.*

    from {{ ref('int_commits__announcements') }} as announcements
    inner join sessions
        on announcements.root_session_id = sessions.root_session_id
    where announcements.git_action = 'commit' and not announcements.is_error

),

commit_commands as (

    select
        sessions.project_id,
        commands.*

    from {{ ref('int_tool_calls__commit_commands') }} as commands
    inner join sessions
        on commands.root_session_id = sessions.root_session_id
    where not commands.is_error

),

session_ids as (

    select
        trailers.project_id,
        trailers.commit_sha,
        trailers.root_session_id,
        'session_id' as evidence_kind,
        1.0 as strength,
        trailers.trailer_key || ': ' || trailers.written_id as detail,
        cast(null as {{ dbt.type_string() }}) as file_id,
        cast(null as integer) as line_number

    from trailers
    inner join sessions
        on trailers.root_session_id = sessions.root_session_id
        and trailers.project_id = sessions.project_id

),

-- A hash that was announced and then rebased away leads to its copies: the whole family has it.
announced_families as (

    select
        commits.project_id,
        commits.family_id,
        announcements.root_session_id,
        announcements.sha_prefix,
        announcements.file_id,
        announcements.line_number

    from announcements
    inner join commits
        on announcements.project_id = commits.project_id
        and left(announcements.sha_prefix, 7) = left(commits.commit_sha, 7)
        and {{ begins_with('commits.commit_sha', 'announcements.sha_prefix') }}

),

announced_commits as (

    select
        commits.project_id,
        commits.commit_sha,
        announced_families.root_session_id,
        'announced_commit' as evidence_kind,
        1.0 as strength,
        announced_families.sha_prefix as detail,
        announced_families.file_id,
        announced_families.line_number

    from announced_families
    inner join commits
        on announced_families.project_id = commits.project_id
        and announced_families.family_id = commits.family_id

),

said_subjects as (

    select
        project_id,
        root_session_id,
        subject,
        file_id,
        line_number,
        sent_at

    from announcements
    where subject is not null

    union all

    select
        project_id,
        root_session_id,
        subject,
        file_id,
        line_number,
        sent_at

    from commit_commands
    where subject is not null

),

announced_subjects as (

    select
        commits.project_id,
        commits.commit_sha,
        said_subjects.root_session_id,
        'announced_subject' as evidence_kind,
        {{ fading_distance('said_subjects.sent_at', 'commits.authored_at', var('fading_commit_minutes')) }} as strength,
        said_subjects.subject as detail,
        said_subjects.file_id,
        said_subjects.line_number

    from said_subjects
    inner join commits
        on said_subjects.project_id = commits.project_id
        and {{ comparable_subject('said_subjects.subject') }} = commits.subject
        and said_subjects.sent_at between
        commits.authored_at - interval '{{ var('subject_hours') }} hours'
        and commits.authored_at + interval '{{ var('subject_hours') }} hours'
    where length(commits.subject) >= {{ var('subject_characters') }}

),

found as (

    {% for kind in ['session_ids', 'announced_commits', 'announced_subjects'] %}
        select * from {{ kind }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

final as (

    select
        -- ids
        project_id,
        commit_sha,
        root_session_id,
        evidence_kind,
        max_by(file_id, (strength, file_id, line_number)) as file_id,

        -- text
        max_by(detail, (strength, file_id, line_number)) as detail,

        -- numbers
        max_by(line_number, (strength, file_id, line_number)) as line_number,
        round(max(strength), 6) as strength

    from found
    where strength is not null
    group by project_id, commit_sha, root_session_id, evidence_kind

)

select * from final
