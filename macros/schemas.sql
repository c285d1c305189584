{# Schemas are named as configured (`staging`, `main` …), without the target's name in front: one file is one environment. #}
{% macro generate_schema_name(custom_schema_name, node) %}
    {{- custom_schema_name | trim if custom_schema_name else target.schema -}}
{% endmacro %}


{#
  Schema `audit`: what the warehouse knows of itself. Test failures land here too.
    model_logic     node → hash of what decides how its rows are made (incremental.sql) and of what they were made
                    from (up_to_date.sql), as last built; of a test, as it last passed
    ledger          model × unit (session or commit) → the state of the unit that the model was built from
    invocations     dbt's commands: number, start, end (none while it runs, or where it was killed)
    dbt_results     what dbt did, per run and node
    nodes           models, seeds and data tests of the project, as of the last command
#}
{% macro create_audit_schema() %}
create schema if not exists audit;

create table if not exists audit.model_logic (
    model varchar not null,
    logic_hash varchar not null,
    inputs_hash varchar
);
{# A database of an earlier version has the table without it. #}
alter table audit.model_logic add column if not exists inputs_hash varchar;

create table if not exists audit.ledger (
    model varchar not null,
    unit_id varchar not null,
    state_hash varchar not null
);

create table if not exists audit.invocations (
    invocation_number bigint not null,
    invocation_id varchar not null,
    command varchar not null,
    started_at timestamp not null,
    ended_at timestamp
);

create table if not exists audit.nodes (
    node_id varchar not null,
    node_type varchar not null,
    node_name varchar not null,
    file_path varchar not null,
    schema_name varchar not null,
    relation_name varchar,
    severity varchar,
    parents varchar[] not null
);

create table if not exists audit.dbt_results (
    invocation_id varchar not null,
    node_id varchar not null,
    node_type varchar not null,
    node_name varchar not null,
    status varchar not null,
    failures bigint,
    rows_affected bigint,
    duration_ms bigint,
    message varchar,
    started_at timestamp,
    ended_at timestamp
);
{% endmacro %}
