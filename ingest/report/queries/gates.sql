-- Every quality gate of the last build: what was measured, what is allowed.
select
    project_id,
    gate,
    description,
    state,
    severity,
    gate_value,
    unit,
    holds,
    threshold,
    counted,
    bad,
    example,
    weight,
    credit,
    measured_at
from quality_gates
order by state = 'failed' desc, state = 'warning' desc, project_id, gate_index
