-- What was built: every rule points to a leaf of its taxonomy, and all its seeds bear one version.
-- `python -m ingest taxonomy check` says the same of the files, with their lines.
{%- set rules = {'action': ['action_rules'], 'reaction': ['reaction_rules']} -%}
{%- set others = {'action': [], 'reaction': ['reaction_weights']} %}

with nodes as (

    {% for taxonomy in rules %}
        select
            '{{ taxonomy }}' as taxonomy,
            {{ taxonomy }}_id as node_id,
            parent_{{ taxonomy }}_id as parent_id,
            taxonomy_version

        from {{ ref(taxonomy ~ '_taxonomy') }}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

leaves as (

    select
        nodes.taxonomy,
        nodes.node_id

    from nodes
    left join nodes as children
        on nodes.taxonomy = children.taxonomy
        and nodes.node_id = children.parent_id
    where children.node_id is null

),

targets as (

    {% for taxonomy in rules %}
        {% for seed in rules[taxonomy] %}
            select
                '{{ taxonomy }}' as taxonomy,
                '{{ seed }}' as seed,
                {{ taxonomy }}_id as node_id,
                taxonomy_version

            from {{ ref(seed) }}

            {% if not loop.last %}
                union all
            {% endif %}
        {% endfor %}

        {% if not loop.last %}
            union all
        {% endif %}
    {% endfor %}

),

versions as (

    select
        taxonomy,
        taxonomy_version

    from nodes

    union all

    select
        taxonomy,
        taxonomy_version

    from targets

    {% for taxonomy in others %}
        {% for seed in others[taxonomy] %}
            union all

            select
                '{{ taxonomy }}' as taxonomy,
                taxonomy_version

            from {{ ref(seed) }}
        {% endfor %}
    {% endfor %}

),

failures as (

    select
        'a rule points to a leaf' as expectation,
        targets.taxonomy,
        targets.seed || ': ' || coalesce(targets.node_id, 'null') as subject

    from targets
    left join leaves
        on targets.taxonomy = leaves.taxonomy
        and targets.node_id = leaves.node_id
    where leaves.node_id is null

    union all

    select
        'a parent exists' as expectation,
        nodes.taxonomy,
        nodes.node_id as subject

    from nodes
    left join nodes as parents
        on nodes.taxonomy = parents.taxonomy
        and nodes.parent_id = parents.node_id
    where nodes.parent_id is not null and parents.node_id is null

    union all

    select
        'one version' as expectation,
        taxonomy,
        min(coalesce(taxonomy_version, 'null')) || ' and ' || max(coalesce(taxonomy_version, 'null')) as subject

    from versions
    group by taxonomy
    having min(coalesce(taxonomy_version, 'null')) != max(coalesce(taxonomy_version, 'null'))

)

select * from failures
