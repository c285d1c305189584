{{ config(severity='warn') }}

-- Gates of severity warn that do not hold: said, and published all the same.
select
    project_id,
    gate,
    gate_value,
    threshold,
    owner,
    example

from {{ ref('quality_gates') }}
where state = 'warning'
