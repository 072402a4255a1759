create table schema_migrations (
    version bigint primary key,
    dirty boolean not null
);
insert into schema_migrations
values
    (3, false);
