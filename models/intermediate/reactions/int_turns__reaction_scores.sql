{{ config(materialized='incremental') }}

{%- set types = ['approve', 'correct', 'redirect', 'question'] %}

with texts as (

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
            exp(cast(
                sum(weights.weight) filter (where weights.reaction_type = '{{ type }}') as double
            )) as {{ type }}_odds{% if not loop.last %},{% endif %}
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
            round(
                {{ type }}_odds / ({{ types | join('_odds + ') }}_odds), 6
            ) as probability

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
        coalesce(bool_or(rules.signal = 'readable'), false) as is_readable,
        coalesce(bool_or(rules.signal in ('paste_log', 'paste_review')), false) as has_paste

    from evidence
    left join rules
        on evidence.rule_id = rules.rule_id
    group by evidence.session_id, evidence.turn_index, evidence.text_kind

),

final as (

    select
        -- ids
        texts.root_session_id,
        texts.session_id,
        texts.turn_index,
        texts.text_kind,

        -- text
        likeliest.reaction_type,
        coalesce(leaves.reaction_id, defaults.reaction_id) as reaction_id,

        -- numbers
        likeliest.probability,

        -- booleans
        readability.is_readable,
        readability.has_paste

    from texts
    inner join likeliest
        on texts.session_id = likeliest.session_id
        and texts.turn_index = likeliest.turn_index
        and texts.text_kind = likeliest.text_kind
    inner join readability
        on texts.session_id = readability.session_id
        and texts.turn_index = readability.turn_index
        and texts.text_kind = readability.text_kind
    inner join taxonomy as defaults
        on likeliest.reaction_type = defaults.reaction_type
        and defaults.is_default
    left join leaves
        on texts.session_id = leaves.session_id
        and texts.turn_index = leaves.turn_index
        and texts.text_kind = leaves.text_kind

)

select * from final
