{{ config(severity='warn') }}

-- The format changes without notice: a new type or subtype of record is kept, counted, and said here.
-- After a look at it, list it in seed `record_types`.
with records as (

    select * from {{ ref('stg_claude_code__records') }}
    where is_json

),

known as (

    select * from {{ ref('record_types') }}

),

unknown as (

    select
        records.record_type,
        records.record_subtype,
        min(records.agent_version) as agent_version,
        count(*) as records,
        count(distinct records.session_id) as sessions

    from records
    left join known
        on records.record_type = known.record_type
        and coalesce(records.record_subtype, '') = coalesce(known.record_subtype, '')
    where known.record_type is null
    group by records.record_type, records.record_subtype

)

select * from unknown
