-- Tokens by kind and list-price cost of each project. One row of `token_usage` is one API response, never a line.
select
    project_id as name,
    count(*) as responses,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens,
    sum(cache_read_tokens) as cache_read_tokens,
    sum(cache_write_tokens) as cache_write_tokens,
    sum(total_tokens) as tokens,
    sum(cost_usd) as cost_usd,
    count(*) filter (where not is_final) as not_final,
    count(*) filter (where not is_priced) as unpriced
from token_usage
group by all
order by cost_usd desc nulls last, tokens desc, name
