with links as (

    select * from {{ ref('int_correlations__links') }}
    where fold = 0 and link_rank <= {{ var('published_candidates') }}

),

measures as (

    select * from {{ ref('int_correlations__measures') }}

),

commits as (

    select * from {{ ref('stg_git__commits') }}

),

families as (

    select * from {{ ref('int_commits__families') }}

),

gates as (

    select * from {{ ref('int_correlations__gates') }}

),

folds as (

    select * from {{ ref('int_correlations__folds') }}

),

judged as (

    select
        *,
        case
            {% for band, limits in var('confidence_bands').items() %}
                when confidence >= {{ limits[0] }} and confidence < {{ limits[1] }} then '{{ band }}'
            {% endfor %}
        end as band

    from links

),

final as (

    select
        -- ids
        judged.project_id,
        judged.root_session_id as session_id,
        judged.commit_sha,

        -- text
        judged.band,
        judged.method,
        coalesce(judged.rejection_reason, case when gates.gate = 'failed' then 'gate' end) as rejection_reason,

        -- numbers
        judged.confidence,
        judged.score,
        judged.link_rank,
        judged.tier,
        measures.changed_files as matched_files,
        measures.commit_files,
        measures.matched_added_lines as matched_lines,
        measures.last_added_lines as last_written_lines,
        measures.commit_added_lines as commit_lines,
        cast(floor(measures.ms_since_edit / 1000) as bigint) - {{ var('commit_clock_slack_seconds') }}
            as seconds_after_last_edit,

        -- booleans
        judged.rejection_reason is null and gates.gate != 'failed' as is_accepted,
        families.copy_of_sha is not null as is_copy,
        folds.fold is not null as is_in_sample,

        -- times
        measures.last_edit_at,
        commits.authored_at

    from judged
    inner join measures
        on judged.project_id = measures.project_id
        and judged.commit_sha = measures.commit_sha
        and judged.root_session_id = measures.root_session_id
    inner join commits
        on judged.project_id = commits.project_id
        and judged.commit_sha = commits.commit_sha
    inner join families
        on judged.project_id = families.project_id
        and judged.commit_sha = families.commit_sha
    inner join gates
        on judged.project_id = gates.project_id
    left join folds
        on judged.project_id = folds.project_id
        and judged.commit_sha = folds.commit_sha

)

select * from final
