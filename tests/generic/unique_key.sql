{# Fails for every combination of `columns` that stands in more than one row, or that holds a null. #}
{% test unique_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as row_count

from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or bool_or({{ columns | join(' is null or ') }} is null)

{% endtest %}
