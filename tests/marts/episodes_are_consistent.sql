-- Every turn from 1 has one episode; its documents are JSON that says the same as the flat columns beside it; its
-- context keeps to the budget; what is unknown has no confidence, what is known a source; an incomplete one says why.
with turns as (

    select * from {{ ref('turns') }}
    where turn_index > 0

),

episodes as (

    select * from {{ ref('episodes') }}

),

contexts as (

    select * from {{ ref('int_episodes__contexts') }}

),

{%- set expectations = [
    ('observation is JSON', 'json_valid(observation)'),
    ('claude_action is JSON', 'json_valid(claude_action)'),
    ('user_reaction is JSON', 'json_valid(user_reaction)'),
    ('phase is the same twice', "json_extract_string(observation, '$.phase_label') = phase_label"),
    ('test status is the same twice', "json_extract_string(observation, '$.test_status') = test_status"),
    ('action is the same twice', "json_extract_string(claude_action, '$.action_id') is not distinct from action_id"),
    ('tool is the same twice', "json_extract_string(claude_action, '$.tool') is not distinct from tool"),
    ('reaction is the same twice', "json_extract_string(user_reaction, '$.type') = reaction_type"),
    ('unknown has no confidence', "(reaction_type = 'unknown') = (reaction_confidence = 0)"),
    ('known has a source', "(reaction_type = 'unknown') = (reaction_source = 'none')"),
    ('confidence is a share', 'reaction_confidence between 0 and 1'),
    ('a reaction is below its type', "reaction_id = reaction_type or starts_with(reaction_id, reaction_type || '.')"),
    ('what is incomplete says why', 'is_complete = (incomplete_reason is null)'),
] %}

failures as (

    {% for expectation, condition in expectations %}
        select
            '{{ expectation }}' as expectation,
            episode_id

        from episodes
        where not coalesce({{ condition }}, false)

        union all

    {% endfor %}
    select
        'the context keeps to its budget' as expectation,
        session_id || '/turn-' || turn_index as episode_id

    from contexts
    where {{ byte_length('conversation_context') }} > greatest({{ var('context_bytes') }}, 2)

    union all

    select
        'a turn has an episode' as expectation,
        coalesce(episodes.episode_id, turns.session_id || '/turn-' || turns.turn_index) as episode_id

    from turns
    full join episodes
        on turns.session_id = episodes.session_id
        and turns.turn_index = episodes.turn_index
    where turns.session_id is null or episodes.session_id is null

)

select * from failures
