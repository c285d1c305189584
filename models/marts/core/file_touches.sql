{{ config(materialized='incremental') }}

with tool_calls as (

    select * from {{ ref('tool_calls') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('file_touch_rules') }}

),

checkouts as (

    select
        root_session_id,
        {{ comparable_path('first_cwd') }} as checkout_path

    from {{ ref('int_sessions__projects') }}

),

touches as (

    select
        tool_calls.*,
        rules.touch_kind,
        {{ comparable_path(
            "case rules.path_argument when 'file_path' then tool_calls.file_path else tool_calls.search_path end"
        ) }} as touched_path

    from tool_calls
    inner join rules
        on tool_calls.tool_name = rules.tool_name
    where not tool_calls.is_error and tool_calls.has_result

),

final as (

    select
        -- ids
        touches.session_id,
        touches.root_session_id,
        touches.project_id,

        -- text
        touches.touched_path as path,
        case
            when {{ begins_with('touches.touched_path', "checkouts.checkout_path || '/'") }}
                then substr(touches.touched_path, length(checkouts.checkout_path) + 2)
        end as relative_path,
        touches.touch_kind,
        min_by(touches.content_hash, touches.record_index) filter (where touches.content_hash is not null)
            as first_content_hash,
        max_by(touches.content_hash, touches.record_index) filter (where touches.content_hash is not null)
            as last_content_hash,

        -- numbers
        count(*) as touches,

        -- times
        min(touches.sent_at) as first_touched_at,
        max(touches.sent_at) as last_touched_at

    from touches
    inner join checkouts
        on touches.root_session_id = checkouts.root_session_id
    where touches.touched_path is not null
    group by
        touches.session_id, touches.root_session_id, touches.project_id,
        touches.touched_path, touches.touch_kind, checkouts.checkout_path

)

select * from final
