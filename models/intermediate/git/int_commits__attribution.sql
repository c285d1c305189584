with commits as (

    select * from {{ ref('stg_git__commits') }}

),

rules as (

    select * from {{ ref('ai_attribution') }}

),

message_lines as (

    select
        project_id,
        commit_sha,
        lower(trim(element)) as line

    from {{ explode('(select *, ' ~ split_lines('message') ~ ' as lines from commits)', 'lines') }}

),

-- Trailers are read from the whole message: tools leave blank lines between them.
trailers as (

    select
        project_id,
        commit_sha,
        case
            when {{ begins_with('line', "'co-authored-by:'") }} then 'co_author'
            when {{ begins_with('line', "'assisted-by:'") }} then 'assisted_by'
        end as field,
        trim(substr(line, position(':' in line) + 1)) as field_value

    from message_lines
    where {{ begins_with('line', "'co-authored-by:'") }} or {{ begins_with('line', "'assisted-by:'") }}

),

fields as (

    select
        project_id,
        commit_sha,
        field,
        field_value

    from trailers

    {% for field in ['message', 'author_name', 'author_email', 'committer_name', 'committer_email'] %}
        union all

        select
            project_id,
            commit_sha,
            '{{ field }}' as field,
            lower({{ field }}) as field_value

        from commits
    {% endfor %}

),

final as (

    select
        fields.project_id,
        fields.commit_sha,
        min(rules.agent) as ai_attribution,
        min_by(rules.rule_id, (rules.agent, rules.rule_id)) as rule_id

    from fields
    inner join rules
        on fields.field = rules.field
        and case rules.match
            when 'equals' then fields.field_value = rules.pattern
            when 'starts_with' then {{ begins_with('fields.field_value', 'rules.pattern') }}
            when 'ends_with' then {{ finishes_with('fields.field_value', 'rules.pattern') }}
            when 'contains' then contains(fields.field_value, rules.pattern)
        end
    group by fields.project_id, fields.commit_sha

)

select * from final
