with shapes as (

    select * from {{ ref('stg_claude_code__record_shapes') }}
    where line_kind = 'record'

),

files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

session_projects as (

    select * from {{ ref('int_sessions__projects') }}

),

known_types as (

    select * from {{ ref('record_types') }}

),

known_fields as (

    select * from {{ ref('record_fields') }}

),

activity as (

    select * from {{ ref('int_sessions__activity') }}

),

-- Bookkeeping records name no version: theirs is the first that their session names in records of its own.
versioned as (

    select
        shapes.*,
        session_projects.project_id,
        files.path as session_path,
        known_types.record_type is not null as is_known,
        coalesce(
            shapes.agent_version,
            activity.first_agent_version,
            min_by(shapes.agent_version, {{ version_number('shapes.agent_version') }}) over (
                partition by shapes.root_session_id
            )
        ) as seen_version

    from shapes
    inner join session_projects
        on shapes.root_session_id = session_projects.root_session_id
    left join files
        on shapes.file_id = files.file_id
    left join activity
        on shapes.root_session_id = activity.session_id
    left join known_types
        on shapes.record_type = known_types.record_type
        and coalesce(shapes.record_subtype, '') = coalesce(known_types.record_subtype, '')

),

new_types as (

    select
        *,
        'record type' as drift_kind,
        concat_ws('.', coalesce(record_type, '(none)'), record_subtype) as drift_name,
        cast(null as {{ dbt.type_string() }}) as field

    from versioned
    where not is_known

),

-- A shape is taken apart once, however many sessions have it.
known_shapes as (

    select distinct
        record_type,
        fields,
        {{ split_text('fields', ' ') }} as field_list

    from versioned
    where is_known and record_type in (select known_fields.record_type from known_fields)

),

new_shape_fields as (

    select
        shape_fields.record_type,
        shape_fields.fields,
        shape_fields.element as field

    from {{ explode('known_shapes', 'field_list') }} as shape_fields
    left join known_fields
        on shape_fields.record_type = known_fields.record_type
        and shape_fields.element = known_fields.field
    where known_fields.field is null

),

new_fields as (

    select
        versioned.*,
        'field' as drift_kind,
        concat_ws('.', versioned.record_type, new_shape_fields.field) as drift_name,
        new_shape_fields.field

    from versioned
    inner join new_shape_fields
        on versioned.record_type = new_shape_fields.record_type
        and versioned.fields = new_shape_fields.fields
    where versioned.is_known

),

drifts as (

    select * from new_types

    union all

    select * from new_fields

),

final as (

    select
        -- ids
        project_id,

        -- text
        drift_kind,
        drift_name,
        min(record_type) as record_type,
        min(case when drift_kind = 'record type' then record_subtype end) as record_subtype,
        min(field) as field,
        min_by(seen_version, {{ version_number('seen_version') }}) as first_agent_version,
        max_by(seen_version, {{ version_number('seen_version') }}) as last_agent_version,
        min_by(session_path, (session_path, line_number)) as example_path,

        -- numbers
        min_by(line_number, (session_path, line_number)) as example_line,
        cast(sum(lines) as bigint) as records,
        count(distinct root_session_id) as sessions

    from drifts
    group by project_id, drift_kind, drift_name

)

select * from final
