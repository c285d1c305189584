-- What kind of errors there were, and which tool had most of them.
select
    coalesce(error_kind, 'unknown') as name,
    count(*) as calls,
    mode(tool_name) as most_often
from tool_calls
where is_error
group by all
order by calls desc, name
