with commits as (

    select * from {{ ref('stg_git__commits') }}
    where coalesce(parent_count, 0) < 2

),

messages as (

    select
        project_id,
        commit_sha,
        {{ words_of(replaced('message', text_literal(var('trailer_line')), "''")) }} as words

    from commits

),

final as (

    select distinct
        project_id,
        commit_sha,
        element as word

    from {{ explode('messages', 'words') }}

)

select * from final
