-- How often an accepted link is right: measured on labels, or only what its confidences promise (`estimated`).
select
    project_id,
    label_set,
    basis,
    gate,
    named_commits,
    pairs,
    right_pairs,
    precision,
    precision_low,
    precision_high,
    recall,
    recall_low,
    recall_high
from correlation_quality
where cut_kind = 'accepted' and not is_in_sample
order by project_id, label_set
