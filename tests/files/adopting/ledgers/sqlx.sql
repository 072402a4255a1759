create table _sqlx_migrations (
    version bigint primary key,
    description text,
    installed_on timestamptz default now(),
    success boolean not null,
    checksum bytea,
    execution_time bigint
);
insert into _sqlx_migrations (version, success)
values
    (20230101, true),
    (20230102, true),
    (20230103, true);
