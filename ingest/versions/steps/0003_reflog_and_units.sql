-- What the reflog still knows has a table. The next sync fills it.
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

-- The ledger names units, which are sessions or commits. Without it the next build makes everything once more.
drop table if exists audit.ledger;
