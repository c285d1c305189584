{{ config(materialized='incremental') }}

{%- set signs = [
    'ended_interrupt', 'ended_refusal', 'tool_refused', 'plan_accepted', 'plan_rejected', 'answer_chosen', 'undone',
    'resubmitted', 'human_committed', 'ran_command', 'agent_asked', 'agent_offered', 'agent_options',
    'agent_claims_done', 'agent_silent', 'agent_edited', 'agent_edited_much', 'agent_ran', 'agent_committed',
    'agent_only_read', 'agent_only_talked', 'paste_log', 'paste_log_only', 'paste_review', 'paste_block',
    'names_edited_file',
] -%}
{%- set phrase_words = var('reaction_phrase_words') -%}
{%- set steps = var('reaction_word_steps') %}

with texts as (

    select * from {{ ref('int_turns__reaction_texts') }}
    where {{ in_changed_sessions() }}

),

signs as (

    select * from {{ ref('int_turns__reaction_signs') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select
        *,
        {{ split_text("coalesce(keywords, '')", '|') }} as keyword_list

    from {{ ref('reaction_rules') }}

),

rule_keywords as (

    select
        rule_id,
        position,
        pattern,
        element as keyword,
        trim({{ spoken_words('element') }}) as phrase

    from {{ explode('rules', 'keyword_list') }}
    where signal is null

),

word_rules as (

    select * from rule_keywords
    where pattern is null

),

pattern_rules as (

    select * from rule_keywords
    where pattern is not null

),

-- Without a pattern, the keywords themselves are what has to be said. Every run of up to {{ phrase_words }} words of a
-- text is looked up in one join.
worded as (

    select
        *,
        {{ split_text('trim(read_words)', ' ') }} as word_list

    from texts
    where words > 0

),

spoken as (

    select
        root_session_id,
        session_id,
        turn_index,
        text_kind,
        words,
        opening_index,
        element_index as word_index,
        {% for more in range(1, phrase_words) %}
            lead(element, {{ more }}) over one_text as word_{{ more }},
        {% endfor %}
        element as word

    from {{ explode('worded', 'word_list') }}
    window one_text as (partition by session_id, turn_index, text_kind order by element_index)

),

phrases as (

    {% for length in range(1, phrase_words + 1) %}
        select
            root_session_id,
            session_id,
            turn_index,
            text_kind,
            word_index,
            opening_index,
            words,
            word_index + {{ length - 1 }} = words as is_at_end,
            word
            {%- for more in range(1, length) %}
                || ' ' || word_{{ more }}
            {%- endfor %} as phrase

        from spoken
        where word_index + {{ length - 1 }} <= words

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

looked_up as (

    select
        phrases.*,
        word_rules.rule_id,
        word_rules.position

    from phrases
    inner join word_rules
        on phrases.phrase = word_rules.phrase

),

said as (

    select distinct
        root_session_id,
        session_id,
        turn_index,
        text_kind,
        rule_id

    from looked_up
    where
        case position
            when 'start' then word_index = 1
            when 'opening' then word_index in (1, opening_index)
            when 'end' then is_at_end
            when 'whole' then word_index = 1 and is_at_end
            else true
        end

),

-- With one, a keyword is only what has to be there for the pattern to be tried.
fitting as (

    select distinct
        texts.root_session_id,
        texts.session_id,
        texts.turn_index,
        texts.text_kind,
        pattern_rules.rule_id

    from texts
    inner join pattern_rules
        on case
            when
                texts.own_words != ''
                and contains(texts.own_words, pattern_rules.keyword)
                and (pattern_rules.position != 'whole' or texts.own_characters <= {{ var('whole_message_characters') }})
                then {{ matches('texts.own_words', 'pattern_rules.pattern') }}
        end

),

-- A language that the rules do not speak has few words that they know.
readable as (

    select
        root_session_id,
        session_id,
        turn_index,
        text_kind,
        'readable' as rule_id

    from looked_up
    where word_index <= {{ var('reaction_known_words_among') }}
    group by root_session_id, session_id, turn_index, text_kind
    having
        count(distinct word_index)
        >= {{ var('reaction_known_words') }} * least(max(words), {{ var('reaction_known_words_among') }})

    union

    -- a number or a letter of an option is no language
    select
        fitting.root_session_id,
        fitting.session_id,
        fitting.turn_index,
        fitting.text_kind,
        'readable' as rule_id

    from fitting
    inner join pattern_rules
        on fitting.rule_id = pattern_rules.rule_id
    where pattern_rules.position in ('whole', 'start')

),

sized as (

    select
        root_session_id,
        session_id,
        turn_index,
        text_kind,
        case
            {% for step in steps %}
                when words <= {{ step }} then 'words_{{ step }}'
            {% endfor %}
            else 'words_more'
        end as rule_id

    from texts

),

-- The signs of a turn go with each text that reacts to it, and stand for themselves where there is none.
shown as (

    {% for sign in signs %}
        select
            signs.root_session_id,
            signs.session_id,
            signs.turn_index,
            '{{ sign }}' as signal

        from signs
        where signs.{{ sign }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

found as (

    select
        *,
        true as is_word

    from (
        select * from said
        union all
        select * from fitting
        union all
        select * from readable
    ) as heard

    union all

    select
        *,
        false as is_word

    from sized

    union all

    select
        shown.root_session_id,
        shown.session_id,
        shown.turn_index,
        'turn' as text_kind,
        rules.rule_id,
        false as is_word

    from shown
    inner join rules
        on shown.signal = rules.signal

)

select * from found
