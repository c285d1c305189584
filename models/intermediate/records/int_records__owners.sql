with records as (

    select
        root_session_id,
        uuid,
        -- usage belongs to a response, however often and under which uuids its lines were copied
        coalesce(message_id, case when message_type = 'assistant' then uuid end) as response_id,
        sent_at,
        forked_from_session_id is not null as is_marked_copy

    from {{ ref('stg_claude_code__records') }}

),

keys as (

    select
        'record' as key_kind,
        uuid as record_key,
        root_session_id,
        bool_or(is_marked_copy) as is_marked_copy,
        1 as records

    from records
    where uuid is not null
    group by uuid, root_session_id

    union all

    select
        'response' as key_kind,
        response_id as record_key,
        root_session_id,
        bool_or(is_marked_copy) as is_marked_copy,
        count(distinct uuid) as records

    from records
    where response_id is not null
    group by response_id, root_session_id

),

shared_keys as (

    select
        key_kind,
        record_key

    from keys
    group by key_kind, record_key
    having count(*) > 1

),

shared as (

    select keys.*
    from keys
    inner join shared_keys
        on keys.key_kind = shared_keys.key_kind
        and keys.record_key = shared_keys.record_key

),

first_unshared as (

    select
        records.root_session_id,
        min(records.sent_at) as first_unshared_at

    from records
    left join shared_keys
        on shared_keys.key_kind = 'record'
        and records.uuid = shared_keys.record_key
    where
        records.uuid is not null
        and shared_keys.record_key is null
        and records.root_session_id in (select shared.root_session_id from shared)
    group by records.root_session_id

),

ranked as (

    select
        shared.root_session_id,
        shared.key_kind,
        shared.record_key,
        first_value(shared.root_session_id) over (
            partition by shared.key_kind, shared.record_key
            order by
                -- a copy, or the archive of the original, may hold a response half: its last usage counts
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
        key_kind,
        record_key,
        owner_root_session_id,
        root_session_id = owner_root_session_id as is_owner

    from ranked

)

select * from final
