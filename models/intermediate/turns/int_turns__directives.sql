{{ config(materialized='incremental') }}

{%- set openings = '^ (?:(?:' ~ var('directive_openings') | join('|') | replace("'", "''") ~ ') )+' %}

with prompts as (

    select * from {{ ref('int_turns__prompts') }}
    where {{ in_changed_sessions() }}

),

own_words as (

    select * from {{ ref('int_messages__own_words') }}
    where {{ in_changed_sessions() }}

),

rules as (

    select
        *,
        {{ split_text("coalesce(keywords, '')", '|') }} as keyword_list

    from {{ ref('directive_rules') }}

),

-- A command is read whole; where almost all was pasted, what was pasted speaks too.
texts as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        prompts.kind,
        lower(left(
            case prompts.kind
                when 'bash_input' then {{ replaced('prompts.prompt', "'</?[a-z-]+>'", "' '") }}
                -- the name of the command
                when 'slash_command'
                    then {{ replaced("split_part(prompts.prompt, '<command-args>', 1)", "'</?[a-z-]+>'", "' '") }}
                else replace(
                    case
                        when
                            not own_words.has_paste
                            or own_words.own_characters >= {{ var('directive_own_characters') }}
                            then own_words.own_words
                        else coalesce(own_words.own_words, '') || chr(10) || coalesce(prompts.prompt, '')
                    end,
                    '’', ''''
                )
            end,
            {{ var('directive_characters') }}
        )) as words

    from prompts
    left join own_words
        on prompts.session_id = own_words.session_id
        and prompts.prompt_message_id = own_words.message_id

),

-- Only words, question marks and single blanks, one at either end. Paths and code are no words, but for commands.
plain as (

    select
        *,
        ' ' || trim({{ replaced(
            replaced(
                "case
                    when kind in ('bash_input', 'slash_command') then words
                    else " ~ replaced('words', "'" ~ var('directive_no_words') ~ "'", "' '") ~ "
                end",
                "'[?]+'", "' ? '"
            ),
            "'[^\\p{L}\\p{N}?'']+'", "' '"
        ) }}) || ' ' as plain_words

    from texts

),

opened as (

    select
        *,
        {{ replaced('plain_words', "'" ~ openings ~ "'", "' '") }} as opening_words,
        {{ split_text('plain_words', ' ') }} as word_list

    from plain

),

keywords as (

    select
        priority,
        message_kind,
        pattern,
        position,
        directive,
        ' ' || element || ' ' as keyword,
        split_part(element, ' ', 1) as first_word

    from {{ explode('rules', 'keyword_list') }}

),

distinct_words as (

    select distinct
        session_id,
        turn_index,
        element as word

    from {{ explode('opened', 'word_list') }}

),

-- The first word of a keyword finds the prompts that may hold it.
candidates as (

    select
        opened.session_id,
        opened.turn_index,
        opened.words,
        keywords.priority,
        keywords.pattern,
        keywords.directive

    from keywords
    inner join distinct_words
        on keywords.first_word = distinct_words.word
    inner join opened
        on distinct_words.session_id = opened.session_id
        and distinct_words.turn_index = opened.turn_index
    where
        coalesce(keywords.message_kind, opened.kind) = opened.kind
        and case keywords.position
            when 'start' then {{ begins_with('opened.opening_words', 'keywords.keyword') }}
            else contains(opened.plain_words, keywords.keyword)
        end

    union all

    select
        opened.session_id,
        opened.turn_index,
        opened.words,
        keywords.priority,
        keywords.pattern,
        keywords.directive

    from keywords
    inner join opened
        on coalesce(keywords.message_kind, opened.kind) = opened.kind
    where keywords.first_word = ''

),

fitting as (

    select
        session_id,
        turn_index,
        min_by(directive, priority) as directive

    from candidates
    where case when pattern is null then true else {{ matches('words', 'pattern') }} end
    group by session_id, turn_index

),

final as (

    select
        prompts.root_session_id,
        prompts.session_id,
        prompts.turn_index,
        coalesce(fitting.directive, 'other') as directive

    from prompts
    left join fitting
        on prompts.session_id = fitting.session_id
        and prompts.turn_index = fitting.turn_index

)

select * from final
