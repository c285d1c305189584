-- When each step of the way last went well.
select
    case
        when action = 'land' then 'read and landed'
        when source = 'dbt' then 'built'
    end as name,
    max(ended_at) filter (where status in ('ok', 'success', 'pass')) as last_good_at,
    max(ended_at) filter (where status in ('error', 'failed')) as last_bad_at
from update_log
where action = 'land' or (source = 'dbt' and action = 'model')
group by all
order by last_good_at
