-- No gate of severity error fails: what is wrong is in `quality_gates`, what is allowed in variable `quality_gates`.
-- While this test fails, nothing is published.
select
    project_id,
    gate,
    gate_value,
    threshold,
    owner,
    example

from {{ ref('quality_gates') }}
where state = 'failed'
