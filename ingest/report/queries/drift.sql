-- Types of records and fields that no seed lists: the agent's format changes without notice.
select
    project_id,
    drift_kind as kind,
    drift_name as name,
    records,
    sessions,
    first_agent_version,
    example_path,
    example_line
from schema_drift
order by kind desc, records desc, name
