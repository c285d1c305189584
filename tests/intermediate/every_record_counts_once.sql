-- Copies, echoes and older versions are left out, and nothing else: over all sessions each record (uuid, and response
-- where one uuid stands for several) counts exactly once; what has no uuid counts at least once in its session; and
-- what counts is a record.
with records as (

    select * from {{ ref('stg_claude_code__records') }}
    where is_json

),

counted as (

    select * from {{ ref('int_records__counted') }}

),

expected as (

    select
        uuid,
        count(distinct coalesce(message_id, '')) as times

    from records
    where uuid is not null
    group by uuid

),

uuid_counts as (

    select
        uuid,
        count(*) as times

    from counted
    where uuid is not null
    group by uuid

),

counted_places as (

    select
        counted.file_id,
        counted.line_number,
        records.root_session_id,
        records.session_id,
        records.line_hash,
        records.file_id is not null as is_record

    from counted
    left join records
        on counted.file_id = records.file_id
        and counted.line_number = records.line_number
        and counted.session_id = records.session_id

),

failures as (

    select
        'each record once' as expectation,
        coalesce(expected.uuid, uuid_counts.uuid) as subject,
        coalesce(uuid_counts.times, 0) as times

    from expected
    full join uuid_counts
        on expected.uuid = uuid_counts.uuid
    where coalesce(uuid_counts.times, 0) != expected.times

    union all

    select
        'each record without a uuid' as expectation,
        concat_ws(' ', records.session_id, records.line_hash) as subject,
        0 as times

    from records
    left join counted_places
        on records.root_session_id = counted_places.root_session_id
        and records.session_id = counted_places.session_id
        and records.line_hash = counted_places.line_hash
    where records.uuid is null and counted_places.file_id is null

    union all

    select
        'counts in the session of its record' as expectation,
        concat_ws(':', file_id, line_number) as subject,
        1 as times

    from counted_places
    where not is_record

)

select * from failures
