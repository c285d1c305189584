{{ config(materialized='incremental', meta={'states': ['projects']}) }}

with candidates as (

    select * from {{ ref('int_correlations__candidates') }}
    where {{ in_changed_projects() }}

),

commits as (

    select * from {{ ref('int_commits__match_states') }}
    where {{ in_changed_projects() }}

),

commit_words as (

    select * from {{ ref('int_commits__words') }}
    where {{ in_changed_projects() }}

),

session_words as (

    select
        states.project_id,
        words.*

    from {{ ref('int_sessions__words') }} as words
    inner join {{ ref('int_sessions__states') }} as states
        on words.root_session_id = states.root_session_id
    where {{ in_changed_projects('states.project_id') }}

),

sessions as (

    select
        project_id,
        count(distinct root_session_id) as sessions

    from session_words
    group by project_id

),

distinct_words as (

    select distinct
        project_id,
        word

    from commit_words

),

-- A word that few sessions say tells more: the logarithm of how few, in millionths.
word_weights as (

    select
        distinct_words.project_id,
        distinct_words.word,
        cast(round(1000000 * ln((max(sessions.sessions) + 1) / (count(session_words.root_session_id) + 0.5))) as bigint)
            as word_weight

    from distinct_words
    inner join sessions
        on distinct_words.project_id = sessions.project_id
    left join session_words
        on distinct_words.project_id = session_words.project_id
        and distinct_words.word = session_words.word
    group by distinct_words.project_id, distinct_words.word

),

weighed as (

    select
        commit_words.project_id,
        commit_words.commit_sha,
        commit_words.word,
        greatest(word_weights.word_weight, 0) as word_weight,
        sum(greatest(word_weights.word_weight, 0)) over (
            partition by commit_words.project_id, commit_words.commit_sha
        ) as commit_weight

    from commit_words
    inner join word_weights
        on commit_words.project_id = word_weights.project_id
        and commit_words.word = word_weights.word

),

final as (

    select
        candidates.project_id,
        candidates.commit_sha,
        candidates.root_session_id,
        count(*) as words,
        max_by(weighed.word, (weighed.word_weight, weighed.word)) as rarest_word,
        round(sum(weighed.word_weight) / nullif(max(weighed.commit_weight), 0), 6) as words_share

    from candidates
    inner join commits
        on candidates.project_id = commits.project_id
        and candidates.commit_sha = commits.commit_sha
    inner join weighed
        on candidates.project_id = weighed.project_id
        and candidates.commit_sha = weighed.commit_sha
    inner join session_words
        on candidates.root_session_id = session_words.root_session_id
        and weighed.word = session_words.word
        and commits.made_before >= session_words.first_said_at
    group by candidates.project_id, candidates.commit_sha, candidates.root_session_id

)

select * from final
