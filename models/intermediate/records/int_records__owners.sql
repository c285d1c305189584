with records as (

    select
        root_session_id,
        -- copies of a response's lines keep its message.id, also where they are given new uuids
        coalesce(message_id, uuid) as record_key,
        uuid,
        sent_at,
        forked_from_session_id is not null as is_marked_copy

    from {{ ref('stg_claude_code__records') }}
    where message_id is not null or uuid is not null

),

keys as (

    select
        record_key,
        root_session_id,
        bool_or(is_marked_copy) as is_marked_copy,
        count(distinct uuid) as records

    from records
    group by record_key, root_session_id

),

shared_keys as (

    select record_key
    from keys
    group by record_key
    having count(*) > 1

),

shared as (

    select keys.*
    from keys
    inner join shared_keys
        on keys.record_key = shared_keys.record_key

),

first_unshared as (

    select
        records.root_session_id,
        min(records.sent_at) as first_unshared_at

    from records
    left join shared_keys
        on records.record_key = shared_keys.record_key
    where
        shared_keys.record_key is null
        and records.root_session_id in (select shared.root_session_id from shared)
    group by records.root_session_id

),

ranked as (

    select
        shared.root_session_id,
        shared.record_key,
        first_value(shared.root_session_id) over (
            partition by shared.record_key
            order by
                -- a copy, or the archive of the original, may hold a response half: nothing of it may be lost
                shared.records desc,
                case when shared.is_marked_copy then 1 else 0 end,
                first_unshared.first_unshared_at nulls last,
                shared.root_session_id
        ) as owner_root_session_id

    from shared
    left join first_unshared
        on shared.root_session_id = first_unshared.root_session_id

),

final as (

    select
        root_session_id,
        record_key,
        owner_root_session_id,
        root_session_id = owner_root_session_id as is_owner

    from ranked

)

select * from final
