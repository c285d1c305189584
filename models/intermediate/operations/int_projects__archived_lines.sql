with projects as (

    select * from {{ ref('stg_registry__projects') }}

),

ingest_runs as (

    select * from {{ ref('stg_operations__ingest_runs') }}
    where status = 'ok'

),

shapes as (

    select * from {{ ref('stg_claude_code__record_shapes') }}

),

files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

session_projects as (

    select * from {{ ref('int_sessions__projects') }}

),

reads as (

    select
        reads.project_id,
        max(reads.ended_at) as read_at

    from ingest_runs as reads
    inner join ingest_runs as landings
        on reads.run_id = landings.run_id
        and landings.step = 'land'
    where reads.step in ('archive', 'git')
    group by reads.project_id

),

lines as (

    select
        session_projects.project_id,
        cast(sum(shapes.lines) as bigint) as lines,
        cast(sum(shapes.lines) filter (where shapes.line_kind != 'blank') as bigint) as written,
        cast(coalesce(sum(shapes.lines) filter (where shapes.line_kind = 'malformed'), 0) as bigint) as malformed,
        cast(coalesce(sum(shapes.lines) filter (where shapes.line_kind = 'record'), 0) as bigint) as records,
        min_by(
            concat(files.path, ':', shapes.line_number), (files.path, shapes.line_number)
        ) filter (where shapes.line_kind = 'malformed') as example

    from shapes
    inner join session_projects
        on shapes.root_session_id = session_projects.root_session_id
    left join files
        on shapes.file_id = files.file_id
    group by session_projects.project_id

),

archived_lines as (

    select
        session_projects.project_id,
        cast(sum(files.lines) as bigint) as lines

    from files
    inner join session_projects
        on files.root_session_id = session_projects.root_session_id
    group by session_projects.project_id

),

uses as (

    select distinct
        root_session_id,
        tool_use_id

    from {{ ref('stg_claude_code__tool_uses') }}

),

answers as (

    select distinct
        root_session_id,
        tool_use_id

    from {{ ref('stg_claude_code__tool_results') }}

),

answer_counts as (

    select
        session_projects.project_id,
        count(*) as answers,
        count(*) filter (where uses.tool_use_id is null) as orphans,
        min(case when uses.tool_use_id is null then answers.root_session_id end) as example

    from answers
    inner join session_projects
        on answers.root_session_id = session_projects.root_session_id
    left join uses
        on answers.root_session_id = uses.root_session_id
        and answers.tool_use_id = uses.tool_use_id
    group by session_projects.project_id

),

final as (

    select
        -- ids
        projects.project_id,

        -- numbers
        coalesce(archived_lines.lines, 0) as archived_lines,
        coalesce(lines.lines, 0) as staged_lines,
        coalesce(lines.written, 0) as written_lines,
        coalesce(lines.malformed, 0) as malformed_lines,
        coalesce(lines.records, 0) as records,
        coalesce(answer_counts.answers, 0) as tool_results,
        coalesce(answer_counts.orphans, 0) as orphan_tool_results,

        -- text
        lines.example as malformed_line,
        answer_counts.example as orphan_session_id,

        -- times
        reads.read_at

    from projects
    left join archived_lines
        on projects.project_id = archived_lines.project_id
    left join lines
        on projects.project_id = lines.project_id
    left join answer_counts
        on projects.project_id = answer_counts.project_id
    left join reads
        on projects.project_id = reads.project_id

)

select * from final
