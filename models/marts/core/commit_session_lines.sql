with attribution as (

    select * from {{ ref('commit_attribution') }}

),

session_lines as (

    select * from {{ ref('int_commits__session_lines') }}
    where written_lines > 0

),

counted as (

    select
        session_lines.project_id,
        session_lines.commit_sha,
        session_lines.file_index,
        session_lines.root_session_id,
        attribution.path,
        session_lines.written_lines,
        attribution.added_lines,
        attribution.compared_lines,
        sum(session_lines.written_lines) over (
            partition by session_lines.project_id, session_lines.commit_sha, session_lines.file_index
            order by session_lines.is_linked desc, session_lines.root_session_id
            rows between unbounded preceding and current row
        ) as lines_so_far,
        session_lines.is_linked

    from session_lines
    inner join attribution
        on session_lines.project_id = attribution.project_id
        and session_lines.commit_sha = attribution.commit_sha
        and session_lines.file_index = attribution.file_index

),

-- Rounded as a running sum, so that the parts of a file add up to its whole.
final as (

    select
        -- ids
        project_id,
        commit_sha,
        file_index,
        root_session_id as session_id,

        -- text
        path,

        -- numbers
        {{ shared_out('lines_so_far', 'added_lines', 'compared_lines') }}
        - {{ shared_out('lines_so_far - written_lines', 'added_lines', 'compared_lines') }} as session_lines,
        written_lines as compared_lines,

        -- booleans
        is_linked

    from counted

)

select * from final
