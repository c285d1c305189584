-- Which state of the warehouse the published file is.
select
    published_at,
    built_at,
    synced_at,
    ope_version,
    run_id
from publish_state
