-- Nothing is lost on the way into the warehouse: each landed line of a session is one record, and each record a line;
-- an archived file has as many lines as its row says.
with files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

lines as (

    select
        file_id,
        line_number

    from {{ source('raw', 'session_lines') }}
    where file_id in (select file_id from files)

),

records as (

    select
        file_id,
        line_number

    from {{ ref('stg_claude_code__records') }}

),

line_counts as (

    select
        file_id,
        count(*) as lines

    from lines
    group by file_id

),

failures as (

    select
        'line and record' as expectation,
        coalesce(lines.file_id, records.file_id) as file_id,
        coalesce(lines.line_number, records.line_number) as line_number,
        case when lines.file_id is null then 'record without a line' else 'line without a record' end as found

    from lines
    full join records
        on lines.file_id = records.file_id
        and lines.line_number = records.line_number
    where lines.file_id is null or records.file_id is null

    union all

    select
        'lines of a file' as expectation,
        files.file_id,
        cast(null as integer) as line_number,
        concat(coalesce(line_counts.lines, 0), ' landed, ', files.lines, ' archived') as found

    from files
    left join line_counts
        on files.file_id = line_counts.file_id
    where files.lines != coalesce(line_counts.lines, 0)

)

select * from failures
