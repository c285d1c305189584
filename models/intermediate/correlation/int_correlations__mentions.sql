with trailers as (

    select * from {{ ref('int_commits__session_trailers') }}
    where root_session_id is not null

),

sessions as (

    select * from {{ ref('int_sessions__states') }}

),

final as (

    select
        trailers.project_id,
        trailers.commit_sha,
        trailers.root_session_id,
        'session_id' as evidence_kind,
        1.0 as strength,
        max(trailers.trailer_key || ': ' || trailers.written_id) as detail,
        cast(null as {{ dbt.type_string() }}) as file_id,
        cast(null as integer) as line_number

    from trailers
    inner join sessions
        on trailers.root_session_id = sessions.root_session_id
        and trailers.project_id = sessions.project_id
    group by trailers.project_id, trailers.commit_sha, trailers.root_session_id

)

select * from final
