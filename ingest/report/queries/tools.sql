-- Each tool: calls, how many ended in an error (with a 95 % Wilson interval), how many the human refused,
-- how long they took.
select
    tool_name as name,
    count(*) as calls,
    count(*) filter (where is_error) as errors,
    count(*) filter (where is_error) / count(*) as error_share,
    wilson_low(count(*) filter (where is_error), count(*)) as low,
    wilson_high(count(*) filter (where is_error), count(*)) as high,
    count(*) filter (where is_rejected) as rejected,
    median(duration_ms) / 1000 as median_seconds
from tool_calls
group by all
order by calls desc, name
