{{ config(materialized='incremental') }}

with signs as (

    select * from {{ ref('int_turns__reaction_signs') }}
    where {{ in_changed_sessions() }}

),

texts as (

    select * from {{ ref('int_turns__reaction_texts') }}
    where {{ in_changed_sessions() }}

),

features as (

    select * from {{ ref('int_turns__reaction_features') }}
    where {{ in_changed_sessions() }}

),

scores as (

    select * from {{ ref('int_turns__reaction_scores') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select * from {{ ref('reaction_rules') }}

),

taxonomy as (

    select
        *,
        coalesce(parent_reaction_id, reaction_id) as reaction_type

    from {{ ref('reaction_taxonomy') }}

),

-- Candidates in the order in which they are believed: 1 the human undid the work, or forbade to go on, in so many
-- words; 2 what the prompt says; 3 the reason of a refusal; 4 a sign that no word explains; 5 what the human did.
candidates as (

    select
        session_id,
        turn_index,
        case text_kind when 'prompt' then 2 else 3 end as candidate_rank,
        reaction_id,
        probability as confidence,
        case
            when text_kind = 'refusal' then 'signal'
            when is_readable then 'rule'
            else 'behaviour'
        end as source

    from scores
    where (is_readable or has_paste) and probability >= {{ var('reaction_min_confidence') }}

    union all

    select
        features.session_id,
        features.turn_index,
        -- words of a refusal's reason count as such a reason
        case when features.text_kind = 'refusal' then 3 else rules.belief_rank end as candidate_rank,
        rules.reaction_id,
        cast(rules.confidence as double) as confidence,
        rules.source

    from features
    inner join rules
        on features.rule_id = rules.rule_id
    left join scores as prompt_scores
        on features.session_id = prompt_scores.session_id
        and features.turn_index = prompt_scores.turn_index
        and prompt_scores.text_kind = 'prompt'
    where
        rules.is_explicit
        -- a stop that words follow is what the words say, also where they say too little
        and not (rules.yields_to_words and coalesce(prompt_scores.is_readable, false))

),

chosen as (

    select
        candidates.*,
        taxonomy.reaction_type,
        row_number() over (
            partition by candidates.session_id, candidates.turn_index
            order by
                candidates.candidate_rank, taxonomy.precedence, candidates.confidence desc, candidates.reaction_id,
                candidates.source
        ) as choice

    from candidates
    inner join taxonomy
        on candidates.reaction_id = taxonomy.reaction_id

),

readable_turns as (

    select
        session_id,
        turn_index,
        bool_or(is_readable or has_paste) as is_readable

    from scores
    group by session_id, turn_index

),

final as (

    select
        -- ids
        signs.root_session_id,
        signs.session_id,
        signs.turn_index,
        signs.next_uuid as reaction_message_uuid,

        -- text
        coalesce(chosen.reaction_type, 'unknown') as reaction_type,
        coalesce(chosen.reaction_id, case
            when signs.is_last then 'unknown.end_of_log'
            when coalesce(readable_turns.is_readable, false) then 'unknown.low_confidence'
            else 'unknown.no_words'
        end) as reaction_id,
        coalesce(chosen.source, 'none') as reaction_source,
        coalesce(prompt_texts.own_words, refusal_texts.own_words) as reaction_message,

        -- numbers
        cast(round(coalesce(chosen.confidence, 0), 6) as double) as reaction_confidence

    from signs
    left join chosen
        on signs.session_id = chosen.session_id
        and signs.turn_index = chosen.turn_index
        and chosen.choice = 1
    left join readable_turns
        on signs.session_id = readable_turns.session_id
        and signs.turn_index = readable_turns.turn_index
    left join texts as prompt_texts
        on signs.session_id = prompt_texts.session_id
        and signs.turn_index = prompt_texts.turn_index
        and prompt_texts.text_kind = 'prompt'
    left join texts as refusal_texts
        on signs.session_id = refusal_texts.session_id
        and signs.turn_index = refusal_texts.turn_index
        and refusal_texts.text_kind = 'refusal'

)

select * from final
