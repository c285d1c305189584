with sessions as (

    select * from {{ ref('sessions') }}

),

token_usage as (

    select * from {{ ref('token_usage') }}

),

commits as (

    select * from {{ ref('commits') }}

),

moments as (

    select
        min(started_at) as first_at,
        max(ended_at) as last_at

    from sessions

    union all

    select
        min(sent_at) as first_at,
        max(sent_at) as last_at

    from token_usage

    union all

    select
        min(authored_at) as first_at,
        max(authored_at) as last_at

    from commits

),

bounds as (

    select
        cast({{ report_time('min(first_at)') }} as date) as first_day,
        cast({{ report_time('max(last_at)') }} as date) as last_day

    from moments

),

final as (

    select {{ each_day('first_day', 'last_day') }} as day

    from bounds

)

select * from final
