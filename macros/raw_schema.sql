{# The version of schema `raw`: the number of the last step in ingest/versions/steps, which bring an older file here. #}
{% macro raw_schema_version() %}3{% endmacro %}


{# The version of this program, for what a database says of its making. #}
{% macro ope_version() %}0.1.0{% endmacro %}


{#
  The one definition of schema `raw`: what `ingest` lands and dbt reads.
  dbt runs it at the start of every command, `ingest` renders the same macro before it lands,
  so that every model builds (empty) on a fresh clone.
  Timestamps are UTC without a zone. Every row carries the run that wrote it and when.
#}
{% macro create_raw_schema() %}
create schema if not exists raw;

{# First of all: a file in which the rest is missing, because its making was cut short, is not an old one. #}
create table if not exists raw.schema_versions (
    version integer not null,
    name varchar not null,
    ope_version varchar not null,
    applied_at timestamp not null
);
insert into raw.schema_versions
select {{ raw_schema_version() }}, 'created', '{{ ope_version() }}', cast(now() at time zone 'UTC' as timestamp)
where not exists (select 1 from raw.schema_versions);

create table if not exists raw.projects (
    project_id varchar not null,
    name varchar not null,
    repository varchar,
    repository_paths varchar[],
    session_directories varchar[],
    git_metadata_path varchar,
    status varchar not null,
    instrumentation_tier integer,
    since date,
    notes varchar,
    added_at timestamp,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.session_files (
    file_id varchar not null,
    project_id varchar not null,
    agent varchar not null,
    path varchar not null,
    session_id varchar not null,
    parent_session_id varchar,
    version integer not null,
    bytes bigint not null,
    lines bigint not null,
    content_hash varchar not null,
    sidecar varchar,
    first_run_id varchar not null,
    last_run_id varchar not null,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.session_lines (
    file_id varchar not null,
    line_number integer not null,
    is_json boolean not null,
    line varchar not null using compression zstd,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.commits (
    project_id varchar not null,
    commit_sha varchar not null,
    parents varchar[],
    author_name varchar,
    author_email varchar,
    authored_at varchar,
    committer_name varchar,
    committer_email varchar,
    committed_at varchar,
    message varchar using compression zstd,
    source_ref varchar,
    is_reachable boolean,
    is_boundary boolean,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.commit_files (
    project_id varchar not null,
    commit_sha varchar not null,
    file_index integer not null,
    path varchar not null,
    old_path varchar,
    status varchar,
    insertions bigint,
    deletions bigint,
    added_line_hashes varchar[],
    removed_line_hashes varchar[],
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.reflog (
    project_id varchar not null,
    ref varchar not null,
    entry_index integer not null,
    commit_sha varchar not null,
    previous_sha varchar,
    action varchar,
    message varchar,
    moved_at varchar,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.parse_errors (
    project_id varchar not null,
    step varchar not null,
    path varchar not null,
    file_id varchar,
    line_number integer,
    reason varchar not null,
    detail varchar,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.redactions (
    project_id varchar not null,
    path varchar not null,
    file_id varchar,
    line_number integer,
    rule_id varchar not null,
    token varchar not null,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.labels (
    project_id varchar not null,
    label_kind varchar not null,
    label_set varchar not null,
    session_id varchar,
    commit_sha varchar,
    message_uuid varchar,
    label varchar,
    is_sure boolean not null,
    labelled_by varchar,
    labelled_at timestamp,
    note varchar,
    run_id varchar not null,
    loaded_at timestamp not null
);

create table if not exists raw.ingest_runs (
    run_id varchar not null,
    step varchar not null,
    project_id varchar,
    started_at timestamp not null,
    ended_at timestamp,
    status varchar not null,
    counts varchar,
    bytes bigint,
    error varchar,
    loaded_at timestamp not null
);

{# What `ingest` landed of the files that are no transcripts: below raw/ or processed/ of a project, or runs/. #}
create table if not exists raw.landed_files (
    project_id varchar,
    path varchar not null,
    bytes bigint not null,
    content_hash varchar not null,
    run_id varchar not null,
    loaded_at timestamp not null
);
{% endmacro %}
