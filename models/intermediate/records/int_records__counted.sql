{{ config(materialized='incremental') }}

with records as (

    select
        *,
        -- a subagent's own file says more than its echo in the parent's file
        case when provenance = 'agent_progress' then 2 else 1 end as provenance_rank

    from {{ ref('stg_claude_code__records') }}
    where is_json and {{ in_changed_sessions() }}

),

copies as (

    select * from {{ ref('int_records__owners') }}
    where not is_owner and {{ in_changed_sessions() }}

),

ranked as (

    select
        records.*,
        row_number() over (
            partition by records.root_session_id, records.uuid, coalesce(records.message_id, '')
            order by records.provenance_rank, records.file_rank, records.line_number
        ) as uuid_rank,
        min(records.file_rank) over (
            partition by records.root_session_id, records.session_id, records.line_hash
        ) as first_file_rank

    from records
    left join copies
        on records.root_session_id = copies.root_session_id
        and copies.key_kind = 'record'
        and records.uuid = copies.record_key
    where copies.record_key is null

),

counted as (

    select * from ranked
    where
        (uuid is not null and uuid_rank = 1)
        -- records without a uuid repeat by nature: all of the current version, and what only an older version has
        or (uuid is null and file_rank = first_file_rank)

),

-- Records that only an older version of the file has stand behind the last record that both versions share.
current_positions as (

    select
        session_id,
        provenance,
        uuid,
        min(line_number) as current_line_number

    from records
    where uuid is not null and file_rank = 1
    group by session_id, provenance, uuid

),

anchors as (

    select
        records.file_id,
        records.line_number,
        max(current_positions.current_line_number) over (
            partition by records.file_id
            order by records.line_number
        ) as anchor_line_number

    from records
    left join current_positions
        on records.session_id = current_positions.session_id
        and records.provenance = current_positions.provenance
        and records.uuid = current_positions.uuid
    where records.file_rank > 1

),

final as (

    select
        counted.root_session_id,
        counted.session_id,
        counted.file_id,
        counted.line_number,
        counted.uuid,
        coalesce(
            counted.message_id,
            counted.uuid,
            -- a record without any: its place is its id
            counted.file_id || ':' || counted.line_number
        ) as message_id,
        counted.record_type,
        counted.message_type,
        counted.provenance,
        counted.sent_at,
        row_number() over (
            partition by counted.session_id
            order by
                counted.provenance_rank,
                case
                    when counted.file_rank = 1 then counted.line_number
                    else coalesce(anchors.anchor_line_number, 0)
                end,
                counted.file_rank,
                counted.line_number,
                counted.file_id
        ) as record_index

    from counted
    left join anchors
        on counted.file_id = anchors.file_id
        and counted.line_number = anchors.line_number

)

select * from final
