-- How many gates hold, and the score: 100 × the sum of weight × credit by the sum of weights, over what was measured.
select
    count(*) as gates,
    count(*) filter (where state in ('failed', 'warning')) as not_holding,
    round(100 * sum(weight * credit) / sum(weight) filter (where credit is not null), 1) as score
from quality_gates
