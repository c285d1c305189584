{{ config(materialized='incremental', incremental_strategy='append', on_schema_change='append_new_columns') }}

{%- set types = ['approve', 'correct', 'redirect', 'question'] %}

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

rules as (

    select * from {{ ref('reaction_rules') }}

),

weights as (

    select * from {{ ref('reaction_weights') }}

),

taxonomy as (

    select
        *,
        coalesce(parent_reaction_id, reaction_id) as reaction_type

    from {{ ref('reaction_taxonomy') }}

),

-- What a text is weighed by: its own features; the prompt also by the signs of the turn; each by its habit (`bias`).
evidence as (

    select
        session_id,
        turn_index,
        text_kind,
        rule_id,
        is_word

    from features
    where text_kind != 'turn'

    union all

    select
        texts.session_id,
        texts.turn_index,
        texts.text_kind,
        features.rule_id,
        false as is_word

    from texts
    inner join features
        on texts.session_id = features.session_id
        and texts.turn_index = features.turn_index
    where texts.text_kind = 'prompt' and features.text_kind = 'turn'

    union all

    select
        session_id,
        turn_index,
        text_kind,
        'bias' as rule_id,
        false as is_word

    from texts

),

weighed as (

    select
        evidence.session_id,
        evidence.turn_index,
        evidence.text_kind,
        {% for type in types %}
            exp(cast(sum(weights.weight) filter (where weights.reaction_type = '{{ type }}') as double)) as {{ type }}_odds
            {%- if not loop.last %},{% endif %}
        {% endfor %}

    from evidence
    inner join weights
        on evidence.rule_id = weights.rule_id
    group by evidence.session_id, evidence.turn_index, evidence.text_kind

),

probable as (

    {% for type in types %}
        select
            session_id,
            turn_index,
            text_kind,
            '{{ type }}' as reaction_type,
            round({{ type }}_odds / ({{ types | join('_odds + ') }}_odds), 6) as probability

        from weighed

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

likeliest as (

    select
        session_id,
        turn_index,
        text_kind,
        max(probability) as probability,
        min_by(reaction_type, (1 - probability, reaction_type)) as reaction_type

    from probable
    group by session_id, turn_index, text_kind

),

-- The leaf: that of the rule with the greatest weight among those that speak for the type.
leaves as (

    select
        likeliest.session_id,
        likeliest.turn_index,
        likeliest.text_kind,
        min_by(rules.reaction_id, (0 - weights.weight, rules.rule_id)) as reaction_id

    from likeliest
    inner join evidence
        on likeliest.session_id = evidence.session_id
        and likeliest.turn_index = evidence.turn_index
        and likeliest.text_kind = evidence.text_kind
    inner join rules
        on evidence.rule_id = rules.rule_id
    inner join taxonomy
        on rules.reaction_id = taxonomy.reaction_id
        and likeliest.reaction_type = taxonomy.reaction_type
    inner join weights
        on evidence.rule_id = weights.rule_id
        and likeliest.reaction_type = weights.reaction_type
    where weights.weight > 0
    group by likeliest.session_id, likeliest.turn_index, likeliest.text_kind

),

readability as (

    select
        evidence.session_id,
        evidence.turn_index,
        evidence.text_kind,
        bool_or(rules.signal = 'readable') as is_readable,
        bool_or(rules.signal in ('paste_log', 'paste_review')) as has_paste

    from evidence
    inner join rules
        on evidence.rule_id = rules.rule_id
    group by evidence.session_id, evidence.turn_index, evidence.text_kind

),

-- Candidates in the order in which they are believed: 1 the human undid the work, or forbade to go on, in so many
-- words; 2 what the prompt says; 3 the reason of a refusal; 4 a sign that no word explains; 5 what the human did.
candidates as (

    select
        likeliest.session_id,
        likeliest.turn_index,
        case likeliest.text_kind when 'prompt' then 2 else 3 end as candidate_rank,
        coalesce(leaves.reaction_id, defaults.reaction_id) as reaction_id,
        likeliest.probability as confidence,
        case
            when likeliest.text_kind = 'refusal' then 'signal'
            when readability.is_readable then 'rule'
            else 'behaviour'
        end as source

    from likeliest
    inner join readability
        on likeliest.session_id = readability.session_id
        and likeliest.turn_index = readability.turn_index
        and likeliest.text_kind = readability.text_kind
    inner join taxonomy as defaults
        on likeliest.reaction_type = defaults.reaction_type
        and defaults.is_default
    left join leaves
        on likeliest.session_id = leaves.session_id
        and likeliest.turn_index = leaves.turn_index
        and likeliest.text_kind = leaves.text_kind
    where
        (readability.is_readable or readability.has_paste)
        and likeliest.probability >= {{ var('reaction_min_confidence') }}

    union all

    select
        features.session_id,
        features.turn_index,
        case
            when features.is_word and features.text_kind = 'refusal' then 3
            when features.is_word or rules.reaction_id = 'block.undo' then 1
            when rules.rule_id like 'signal%' then 4
            else 5
        end as candidate_rank,
        rules.reaction_id,
        cast(rules.confidence as double) as confidence,
        case
            when features.is_word then 'rule'
            when rules.rule_id like 'signal%' then 'signal'
            else 'behaviour'
        end as source

    from features
    inner join rules
        on features.rule_id = rules.rule_id
    left join readability
        on features.session_id = readability.session_id
        and features.turn_index = readability.turn_index
        and readability.text_kind = 'prompt'
    where
        rules.is_explicit
        -- a stop that words follow is what the words say, also where they say too little
        and not (rules.reaction_id in ('block.stop', 'block.refuse') and not features.is_word
            and coalesce(readability.is_readable, false))

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

    from readability
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
        coalesce(signs.next_kind, 'end_of_log') as next_action,

        -- numbers
        cast(round(coalesce(chosen.confidence, 0), 6) as {{ dbt.type_float() }}) as reaction_confidence

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
