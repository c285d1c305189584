-- The one order of a session: from 1, without gaps or ties, and in the current file it is the order of the lines.
with counted as (

    select * from {{ ref('int_records__counted') }}

),

stepped as (

    select
        session_id,
        record_index,
        line_number,
        lag(line_number) over (partition by session_id, file_id order by record_index) as line_number_before

    from counted

),

failures as (

    select
        'from 1, without gaps or ties' as expectation,
        session_id,
        count(*) as records,
        max(record_index) as last_record_index

    from counted
    group by session_id
    having min(record_index) != 1 or max(record_index) != count(*) or count(distinct record_index) != count(*)

    union all

    select
        'lines of a file in their order' as expectation,
        session_id,
        count(*) as records,
        min(record_index) as last_record_index

    from stepped
    where line_number <= line_number_before
    group by session_id

)

select * from failures
