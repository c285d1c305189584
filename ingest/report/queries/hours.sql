-- When people ask: turns by local weekday (1 = Monday) and hour.
select
    isodow(local_time(started_at)) as weekday,
    hour(local_time(started_at)) as hour,
    count(*) as turns
from turns
where turn_index > 0 and started_at is not null
group by all
order by weekday, hour
