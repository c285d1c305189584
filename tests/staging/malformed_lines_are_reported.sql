-- Never silence: a line that is no JSON has a row in the parse errors, and what they say of a line is about a line
-- that is there. (A blank line is no line of a log, so it needs no report.)
with records as (

    select
        file_id,
        line_number,
        is_json,
        is_blank

    from {{ ref('stg_claude_code__records') }}

),

parse_errors as (

    select * from {{ ref('stg_operations__parse_errors') }}
    where file_id is not null and line_number is not null

),

failures as (

    select
        'malformed line without a parse error' as expectation,
        records.file_id,
        records.line_number

    from records
    left join parse_errors
        on records.file_id = parse_errors.file_id
        and records.line_number = parse_errors.line_number
    where not records.is_json and not records.is_blank and parse_errors.file_id is null

    union all

    select
        'parse error without a line' as expectation,
        parse_errors.file_id,
        parse_errors.line_number

    from parse_errors
    left join {{ source('raw', 'session_lines') }} as lines
        on parse_errors.file_id = lines.file_id
        and parse_errors.line_number = lines.line_number
    where lines.file_id is null

)

select * from failures
