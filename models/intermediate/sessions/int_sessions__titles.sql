with titles as (

    select * from {{ ref('stg_claude_code__titles') }}

),

records as (

    select
        root_session_id,
        session_id,
        uuid,
        line_number

    from {{ ref('stg_claude_code__records') }}
    where uuid in (select titles.leaf_uuid from titles)

),

owners as (

    select * from {{ ref('int_records__owners') }}

),

-- The session's own title, given by the user or the agent: the last one of the best kind.
own_titles as (

    select
        root_session_id,
        session_id,
        title,
        title_rank,
        file_rank,
        line_number as title_position

    from titles
    where title_kind != 'summary'

),

-- An old summary often stands in the file of a later session: it names the session that holds its leaf record.
summaries as (

    select
        records.root_session_id,
        records.session_id,
        titles.title,
        titles.title_rank,
        1 as file_rank,
        records.line_number as title_position

    from titles
    inner join records
        on titles.leaf_uuid = records.uuid
    left join owners
        on records.root_session_id = owners.root_session_id
        and owners.key_kind = 'record'
        and records.uuid = owners.record_key
    where titles.title_kind = 'summary' and coalesce(owners.is_owner, true)

),

candidates as (

    select * from own_titles
    union all
    select * from summaries

),

ranked as (

    select
        root_session_id,
        session_id,
        title,
        row_number() over (
            partition by session_id
            order by title_rank, file_rank, title_position desc, title
        ) as title_order

    from candidates

),

final as (

    select
        root_session_id,
        session_id,
        title

    from ranked
    where title_order = 1

)

select * from final
