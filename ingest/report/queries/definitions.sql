-- What the queries share. A shown query begins with those of these that it uses, so that it runs as it stands.
-- The project, the days, the time zone and the grain are put in by the report.

create or replace temp macro local_time(moment) as
    timezone({{ timezone }}, timezone('UTC', moment));

create or replace temp macro period(moment) as
    date_trunc({{ grain }}, timezone({{ timezone }}, timezone('UTC', moment)))::date;

create or replace temp macro wilson_low(hits, tries) as
    greatest(0, {{ wilson_bound('hits', 'tries', '-') }});

create or replace temp macro wilson_high(hits, tries) as
    least(1, {{ wilson_bound('hits', 'tries', '+') }});

create or replace temp macro is_objection(reaction_type) as
    reaction_type in ('correct', 'redirect', 'block');

create or replace temp macro series() as
    {{ series }};
{% for mart, moment in scoped.items() %}
create or replace temp view {{ mart }} as
select * from {{ catalog }}.main.{{ mart }}
where {{ conditions(moment) }};
{% endfor %}
