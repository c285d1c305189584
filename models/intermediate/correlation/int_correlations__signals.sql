{{ config(materialized='incremental', meta={'states': ['projects']}) }}

{#- The strength of each kind of evidence, between 0 and 1, from the measures of a pair. -#}
{%- set day = var('fading_day_minutes') -%}
{%- set work = var('fading_work_minutes') -%}
{%- set strengths = {
    'lines_added': saturating('last_added_weight / 1000000.0', var('full_strength_lines')),
    'lines_share': 'last_added_weight / nullif(commit_added_weight, 0)',
    'lines_removed': saturating('last_removed_weight / 1000000.0', var('full_strength_lines')),
    'files_changed': 'last_changed_files / nullif(commit_files, 0)',
    'files_committed': 'committed_files / nullif(changed_files, 0)',
    'edit_recency': fading('ms_since_edit', day),
    'activity_recency': fading('ms_since_active', day),
    'words': 'words_share',
    'words_recent': 'words_share * ' ~ fading('ms_since_active', work),
    'files_read': 'read_files / nullif(commit_files, 0)',
    'author': 'author_share',
    'author_known': '1 + ln(greatest(author_share, 0.01)) / ln(100)',
    'same_branch': 'case when is_same_branch then 1.0 else 0 end',
    'other_branch': 'case when not is_same_branch then 1.0 else 0 end',
} -%}

with measures as (

    select * from {{ ref('int_correlations__measures') }}
    where {{ in_changed_projects() }}

),

mentions as (

    select * from {{ ref('int_correlations__mentions') }}
    where {{ in_changed_projects() }}

),

measured as (

    {% for kind, strength in strengths.items() %}
        select
            project_id,
            commit_sha,
            root_session_id,
            '{{ kind }}' as evidence_kind,
            round(cast({{ strength }} as double), 6) as strength

        from measures

        union all

    {% endfor %}
    select
        project_id,
        commit_sha,
        root_session_id,
        evidence_kind,
        strength

    from mentions

),

final as (

    select * from measured
    where strength > 0

)

select * from final
