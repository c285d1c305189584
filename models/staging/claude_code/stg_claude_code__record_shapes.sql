{{ config(materialized='incremental') }}

with records as (

    select * from {{ ref('stg_claude_code__records') }}
    where {{ in_changed_sessions('stg_claude_code__session_roots') }}

),

grouped as (

    select
        root_session_id,
        record_type,
        record_subtype,
        agent_version,
        field_names,
        case when is_json then 'record' when is_blank then 'blank' else 'malformed' end as line_kind,
        count(*) as lines,
        min(file_id) as file_id,
        min_by(line_number, (file_id, line_number)) as line_number

    from records
    group by all

),

-- Lines have few different lists of names: each is read once.
name_lists as (

    select
        field_names,
        {{ json_elements('field_names') }} as objects

    from grouped
    where field_names is not null
    group by field_names

),

objects as (

    select
        field_names,
        element_index as object_index,
        {{ json_elements('cast(element as ' ~ dbt.type_string() ~ ')') }} as names

    from {{ explode('name_lists', 'objects') }}

),

-- A name that no program would choose is somebody's data.
named as (

    select distinct
        field_names,
        concat(
            case object_index
                {% for prefix in var('watched_objects') %}
                    when {{ loop.index }} then '{{ prefix }}'
                {% endfor %}
            end,
            case
                when {{ matches("trim(element, '\"')", "'^[A-Za-z_][A-Za-z0-9_-]{0,63}$'") }} then trim(element, '"')
                else '?'
            end
        ) as field

    from {{ explode('objects', 'names') }}

),

lists as (

    select
        field_names,
        {{ ordered_text('field', "' '", 'field') }} as fields

    from named
    group by field_names

),

final as (

    select
        -- ids
        root_session_id,

        -- text
        line_kind,
        record_type,
        record_subtype,
        agent_version,
        lists.fields,

        -- numbers
        cast(sum(lines) as bigint) as lines,

        -- the first line of them
        min(file_id) as file_id,
        min_by(line_number, (file_id, line_number)) as line_number

    from grouped
    left join lists
        on grouped.field_names = lists.field_names
    group by root_session_id, line_kind, record_type, record_subtype, agent_version, lists.fields

)

select * from final
