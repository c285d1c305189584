-- Labels belong to a set, may be undecided and say whether they are sure.
-- A file that a later program opened already has the columns, but not their constraints.
alter table raw.labels add column if not exists label_set varchar;
alter table raw.labels add column if not exists is_sure boolean;
alter table raw.labels rename to labels_of_version_1;

create table raw.labels (
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

insert into raw.labels by name
select
    project_id,
    label_kind,
    coalesce(label_set, 'unnamed') as label_set,
    session_id,
    commit_sha,
    message_uuid,
    label,
    coalesce(is_sure, true) as is_sure,
    labelled_by,
    labelled_at,
    note,
    run_id,
    loaded_at
from raw.labels_of_version_1;

drop table raw.labels_of_version_1;
