{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with correlations as (

    select * from {{ ref('correlations') }}
    where {{ in_changed_projects() }}

),

signals as (

    select * from {{ ref('int_correlations__signals') }}
    where {{ in_changed_projects() }}

),

kinds as (

    select * from {{ ref('evidence_kinds') }}

),

weights as (

    select * from {{ ref('evidence_weights') }}
    where fold = 0

),

measures as (

    select * from {{ ref('int_correlations__measures') }}
    where {{ in_changed_projects() }}

),

mentions as (

    select * from {{ ref('int_correlations__mentions') }}
    where {{ in_changed_projects() }}

),

line_evidence as (

    select * from {{ ref('int_correlations__line_evidence') }}
    where {{ in_changed_projects() }}

),

file_evidence as (

    select * from {{ ref('int_correlations__file_evidence') }}
    where {{ in_changed_projects() }}

),

words as (

    select * from {{ ref('int_correlations__word_evidence') }}
    where {{ in_changed_projects() }}

),

authors as (

    select * from {{ ref('int_correlations__author_evidence') }}
    where {{ in_changed_projects() }}

),

session_files as (

    select * from {{ ref('stg_claude_code__session_files') }}

),

-- Where a kind of evidence was found: the rarest line, the last file, the command.
places as (

    {% for side in ['added', 'removed'] %}
        {% for kind in (['lines_added', 'lines_share'] if side == 'added' else ['lines_removed']) %}
            select
                project_id,
                commit_sha,
                root_session_id,
                '{{ kind }}' as evidence_kind,
                cast(null as {{ dbt.type_string() }}) as detail,
                path,
                file_id,
                line_number,
                last_written_at as found_at

            from line_evidence
            where side = '{{ side }}'

            union all

        {% endfor %}
    {% endfor %}
    {% for kind, event_kind in {
        'files_changed': 'changed', 'files_committed': 'changed', 'edit_recency': 'changed', 'files_read': 'read'
    }.items() %}
        select
            project_id,
            commit_sha,
            root_session_id,
            '{{ kind }}' as evidence_kind,
            cast(null as {{ dbt.type_string() }}) as detail,
            path,
            file_id,
            line_number,
            last_touched_at as found_at

        from file_evidence
        where event_kind = '{{ event_kind }}'

        union all

    {% endfor %}
    select
        project_id,
        commit_sha,
        root_session_id,
        evidence_kind,
        detail,
        cast(null as {{ dbt.type_string() }}) as path,
        file_id,
        line_number,
        cast(null as timestamp) as found_at

    from mentions

),

-- What matched, in words.
told as (

    select
        correlations.project_id,
        correlations.session_id,
        correlations.commit_sha,
        signals.evidence_kind,
        signals.strength,
        case signals.evidence_kind
            {% for kind in ['lines_added', 'lines_share'] %}
                when '{{ kind }}'
                    then concat(
                        measures.matched_added_lines, ' of ', measures.commit_added_lines,
                        ' added lines written before, ', measures.last_added_lines, ' of them as the last session'
                    )
            {% endfor %}
            when 'lines_removed'
                then concat(
                    measures.matched_removed_lines, ' of ', measures.commit_removed_lines,
                    ' removed lines removed before, ', measures.last_removed_lines, ' of them as the last session'
                )
            when 'files_changed'
                then concat(
                    measures.changed_files, ' of ', measures.commit_files, ' files changed before, ',
                    measures.last_changed_files, ' of them as the last session'
                )
            when 'files_committed'
                then concat(
                    measures.committed_files, ' of ', measures.changed_files,
                    ' files committed by the author since the session changed them'
                )
            when 'files_read' then concat(measures.read_files, ' of ', measures.commit_files, ' files read before')
            when 'edit_recency'
                then concat(
                    'last change of its files ', cast(floor(measures.ms_since_edit / 60000) as bigint),
                    ' minutes before'
                )
            when 'activity_recency'
                then case
                    when measures.is_inside then 'the session was at work'
                    else concat(
                        'last record ', cast(floor(measures.ms_since_active / 60000) as bigint), ' minutes before'
                    )
                end
            when 'words'
                then concat(words.words, ' words of the message said before, the rarest is ', words.rarest_word)
            when 'words_recent' then concat(words.words, ' words of the message said before, and at work lately')
            when 'author'
                then concat(
                    round(100 * measures.author_share, 1), ' % of the author''s other lines come from ',
                    coalesce(nullif(authors.home, ''), 'no home directory')
                )
            when 'author_known' then 'the author''s commits come from this home directory'
            when 'same_branch' then concat('both on ', measures.git_branch)
            when 'other_branch' then concat('the session was on ', measures.git_branch)
        end as detail

    from correlations
    inner join signals
        on correlations.project_id = signals.project_id
        and correlations.commit_sha = signals.commit_sha
        and correlations.session_id = signals.root_session_id
    inner join measures
        on correlations.project_id = measures.project_id
        and correlations.commit_sha = measures.commit_sha
        and correlations.session_id = measures.root_session_id
    left join words
        on correlations.project_id = words.project_id
        and correlations.commit_sha = words.commit_sha
        and correlations.session_id = words.root_session_id
    left join authors
        on correlations.project_id = authors.project_id
        and correlations.commit_sha = authors.commit_sha
        and correlations.session_id = authors.root_session_id

),

final as (

    select
        -- ids
        told.project_id,
        told.session_id,
        told.commit_sha,
        places.file_id,

        -- text
        told.evidence_kind,
        kinds.evidence_class,
        coalesce(told.detail, places.detail) as detail,
        places.path,
        session_files.path as session_path,

        -- numbers
        places.line_number,
        told.strength,
        weights.weight,
        round(told.strength * weights.weight, 6) as contribution,

        -- times
        places.found_at

    from told
    inner join kinds
        on told.evidence_kind = kinds.evidence_kind
    inner join weights
        on told.evidence_kind = weights.evidence_kind
    left join places
        on told.project_id = places.project_id
        and told.commit_sha = places.commit_sha
        and told.session_id = places.root_session_id
        and told.evidence_kind = places.evidence_kind
    left join session_files
        on places.file_id = session_files.file_id

)

select * from final
