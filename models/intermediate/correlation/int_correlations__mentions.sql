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

    {% for source in ['announcements', 'commit_commands'] %}
        select
            project_id,
            root_session_id,
            {{ comparable_subject('subject') }} as subject_key,
            subject,
            file_id,
            line_number,
            sent_at

        from {{ source }}
        where subject is not null

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

-- What is said and the commits on one time line: the number of a commit is that of what was said last before it.
time_line as (

    select
        *,
        sent_at as happened_at,
        cast(null as {{ dbt.type_string() }}) as commit_sha

    from said_subjects

    union all

    select
        project_id,
        null as root_session_id,
        subject as subject_key,
        subject,
        null as file_id,
        null as line_number,
        null as sent_at,
        authored_at as happened_at,
        commit_sha

    from commits
    where length(subject) >= {{ var('subject_characters') }}

),

numbered as (

    select
        *,
        count(root_session_id) over (
            partition by project_id, subject_key
            order by happened_at nulls last, commit_sha nulls first, root_session_id, file_id, line_number, subject
            rows between unbounded preceding and current row
        ) as said_number

    from time_line

),

looked_at as (

    select
        commits.project_id,
        commits.commit_sha,
        commits.subject_key,
        commits.happened_at as authored_at,
        commits.said_number + steps.step as said_number

    from numbered as commits
    cross join (
        values
        {% for step in range(1 - var('candidates_per_way'), var('candidates_per_way') + 1) %}
            ({{ step }}){% if not loop.last %},{% endif %}
        {% endfor %}
    ) as steps (step)
    where commits.commit_sha is not null

),

-- Of a subject that is said again and again, what was said next to the commit.
announced_subjects as (

    select
        looked_at.project_id,
        looked_at.commit_sha,
        said.root_session_id,
        'announced_subject' as evidence_kind,
        {{ fading_distance('said.sent_at', 'looked_at.authored_at', var('fading_commit_minutes')) }} as strength,
        said.subject as detail,
        said.file_id,
        said.line_number

    from looked_at
    inner join numbered as said
        on looked_at.project_id = said.project_id
        and looked_at.subject_key = said.subject_key
        and looked_at.said_number = said.said_number
        and said.commit_sha is null

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
